import { go } from '../app/navigation.tsx'
import { answered } from '../chat/api.ts'
import type { Chat } from '../chat/chat.ts'
import { minorDigits } from '../locale/dates.ts'
import { locale, t } from '../locale/text.ts'
import { Field, Form } from './form.tsx'

const CURRENCIES = ['KRW', 'USD', 'EUR', 'GBP', 'JPY']

/** Something of one's own for others to rent. */
export const Offer = ({ chat }: { chat: Chat }) => (
  <section class="page narrow">
    <h1>{t('offer')}</h1>
    <Form
      action={t('offerIt')}
      onSubmit={async ({ title = '', price = '', currency = 'KRW', imageUrl = '' }) => {
        const priceMinor = Math.round(Number(price) * 10 ** minorDigits(currency))
        await answered(
          chat.api.products.post({
            title,
            ...(price ? { priceMinor, currency } : {}),
            ...(imageUrl ? { imageUrl } : {}),
          }),
        )
        go('/browse')
      }}
    >
      <Field label={t('title')} name="title" maxLength={200} required />
      <div class="two">
        <Field
          label={`${t('price')} (${t('optional')})`}
          name="price"
          type="number"
          min="0"
          step="any"
          inputMode="decimal"
        />
        <label class="field">
          <span>{t('currency')}</span>
          <select name="currency" defaultValue={locale.value === 'ko' ? 'KRW' : 'USD'}>
            {CURRENCIES.map((code) => (
              <option key={code}>{code}</option>
            ))}
          </select>
        </label>
      </div>
      <Field label={`${t('imageUrl')} (${t('optional')})`} name="imageUrl" type="url" placeholder="https://" />
    </Form>
  </section>
)
