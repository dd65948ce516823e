import type { Name } from './people.ts'
import type { PictureName } from './pictures.ts'

export interface Conversation {
  /** About the product with this picture. */
  about: PictureName
  customer: Name
  /** How many of the last lines the other one has not read. */
  unread: number
  talks: Talk[]
}

/** What was said in one go. */
interface Talk {
  hoursAgo: number
  lines: [name: Name, text: string][]
}

const BEFORE_YOU_RIDE = `Before you ride, a few things about the bike:

1. The lock is in the saddlebag. Its code is the year of the Seoul Olympics.
2. The rear brake is a little softer than the front one. It is safe, but try it once before you go downhill.
3. Please don't shift while you stand still. I know everybody does it, but the derailleur is new.
4. The tyres want 6.5 bar. There is a pump at the convenience store by the park, it's free.
5. The lights charge by USB-C and last about four hours. The cable is in the small pocket.

If anything breaks, don't worry about it and don't repair it. Call me and I'll come with the other bike, I'm never more than half an hour away at the weekend.`

const bike: Conversation = {
  about: 'bike',
  customer: 'Joon',
  unread: 0,
  talks: [
    {
      hoursAgo: 121,
      lines: [
        ['Joon', 'Hi Minji! Is the road bike free this weekend?'],
        ['Minji', 'Hi Joon, nice to meet you. Saturday or Sunday?'],
        ['Joon', 'Both, if that works. A friend is visiting from Amman and we’d like to ride along the Han River.'],
        ['Minji', 'Saturday is free all day. On Sunday I need it back by six, my club rides on Monday morning.'],
        ['Joon', 'Back by six is no problem.'],
        ['Minji', 'How tall are you? The frame is a 54, it fits from about 1.68 m to 1.78 m.'],
        ['Joon', '1.74'],
        ['Minji', 'Perfect.'],
      ],
    },
    {
      hoursAgo: 97,
      lines: [
        ['Joon', 'About the price: it says 15,000 won a day. Would you do 25,000 for the two days?'],
        ['Minji', '25,000 is fine, if it comes back clean 🙂'],
        ['Joon', 'Deal!'],
        ['Minji', 'Do you need a helmet? Lights and a lock come with the bike anyway.'],
        ['Joon', 'A helmet would be great. Medium, I think.'],
        ['Minji', 'I’ll put an M and an L in the bag, then you can try both. No charge.'],
      ],
    },
    {
      hoursAgo: 74,
      lines: [
        ['Joon', 'Where do I pick it up?'],
        ['Minji', 'At the bike stand by Mangwon Hangang Park, two minutes from my place:'],
        ['Minji', 'https://www.openstreetmap.org/?mlat=37.5527&mlon=126.8955#map=16/37.5527/126.8955'],
        ['Joon', 'Oh, I know it. There’s a very good gimbap place round the corner.'],
        ['Minji', BEFORE_YOU_RIDE],
        ['Joon', 'That’s really thorough, thank you. 1988, right?'],
        ['Minji', 'Right. And yes, it came back with a bent derailleur once 😅'],
        ['Joon', 'I’ll look after it as if it were mine.'],
      ],
    },
    {
      hoursAgo: 50,
      lines: [
        ['Joon', 'Noor has landed! She has seen the picture of the bike and wants me to send you this:'],
        ['Joon', 'شكراً جزيلاً يا مينجي! لا أطيق الانتظار حتى نركب الدراجات على ضفاف النهر.'],
        ['Minji', 'How lovely! What does it say?'],
        ['Joon', '“Thank you so much, Minji! I can’t wait to ride along the river.”'],
        ['Minji', 'Tell her she’s very welcome. And for you, as you wanted to practise your Korean:'],
        ['Minji', '토요일 아침 아홉 시에 망원한강공원 앞에서 만나요. 주말 내내 날씨가 맑대요!'],
        ['Joon', 'Saturday at nine in front of the park, and it’s going to be sunny all weekend?'],
        ['Minji', 'A hundred points 👏'],
      ],
    },
    {
      hoursAgo: 3,
      lines: [
        ['Joon', 'Cash or transfer?'],
        ['Minji', 'Transfer is easier. I’ll send you the account number when you have the bike.'],
        ['Joon', '👍'],
        ['Minji', 'See you on Saturday! 🚲'],
      ],
    },
  ],
}

const camera: Conversation = {
  about: 'camera',
  customer: 'Minji',
  unread: 1,
  talks: [
    {
      hoursAgo: 27,
      lines: [
        ['Minji', 'It’s me again, this time about your camera. Does the light meter still work?'],
        ['Joon', 'It does. I put a new battery in last month.'],
        ['Minji', 'Great, then I’d like it for a day. My sister graduates on Friday week.'],
        ['Joon', 'Sure! It takes 35 mm film. There’s a roll of 400 in it with some 30 frames left.'],
        ['Minji', 'That saves me a trip. How much for the roll?'],
      ],
    },
    { hoursAgo: 2, lines: [['Joon', 'Nothing, you’re lending us helmets. Just show me the photos afterwards!']] },
  ],
}

const projector: Conversation = {
  about: 'projector',
  customer: 'Minji',
  unread: 0,
  talks: [
    {
      hoursAgo: 194,
      lines: [
        ['Minji', 'Hello Sofia! I’m in Lisbon with five colleagues. Is it bright enough for a terrace?'],
        ['Sofia', 'After sunset, yes. In daylight no projector is.'],
        ['Minji', 'Fair enough. Does it come with a cable?'],
        ['Sofia', 'HDMI and USB-C, and there’s a small speaker in the bag.'],
        ['Minji', 'Then I’ll take it for one evening. Thank you!'],
      ],
    },
    {
      hoursAgo: 146,
      lines: [
        ['Minji', 'It was perfect. I left it with your neighbour, as you said.'],
        ['Sofia', 'I have it, everything is fine. Obrigada, and come back!'],
      ],
    },
  ],
}

const tent: Conversation = {
  about: 'tent',
  customer: 'Sofia',
  unread: 2,
  talks: [
    {
      hoursAgo: 30,
      lines: [
        [
          'Sofia',
          'Now it’s my turn: we’re coming to Korea, four nights in Seoraksan. Does the tent really sleep four?',
        ],
        ['Minji', 'Three with luggage. Four who like each other.'],
        ['Sofia', 'We do, most of the time. And in the rain?'],
        ['Minji', 'It stays dry, I sealed the seams in spring. Take the groundsheet too, it’s stony up there.'],
      ],
    },
    {
      hoursAgo: 0.7,
      lines: [
        ['Sofia', 'Wonderful, we’ll take it. Could we pick it up on the evening we arrive?'],
        ['Sofia', 'We land at 17:40, so it would be around half past seven in Mangwon.'],
      ],
    },
  ],
}

const surfboard: Conversation = {
  about: 'surfboard',
  customer: 'Joon',
  unread: 1,
  talks: [
    {
      hoursAgo: 76,
      lines: [
        ['Joon', 'Hey Tom, is the 7′2″ all right for somebody who has stood on a board twice?'],
        ['Tom', 'It’s the one I learned on. Lots of volume, very forgiving.'],
        ['Joon', 'Sounds like me. Is next Tuesday free?'],
        ['Tom', 'All yours. Small waves, hardly any wind so far.'],
      ],
    },
    {
      hoursAgo: 5,
      lines: [
        ['Joon', 'How do I get it to the beach? I’ll come by bus.'],
        ['Tom', 'It lives there, in the shed behind the surf school. I’ll send you the code on Tuesday morning 🏄'],
      ],
    },
  ],
}

const drill: Conversation = {
  about: 'drill',
  customer: 'Tom',
  unread: 1,
  talks: [
    {
      hoursAgo: 53,
      lines: [
        ['Tom', 'Do you have masonry bits for it? I’ve got a concrete wall and a very heavy mirror.'],
        ['Joon', '6 and 8 mm, and a second battery.'],
        ['Tom', 'Brilliant. Can I come by tonight, after work?'],
        ['Joon', 'After seven is good. Third floor, the lift is slow.'],
      ],
    },
    {
      hoursAgo: 1,
      lines: [
        ['Tom', 'Mirror is up, wall is still standing. May I keep it one more day? I promised my neighbour a shelf.'],
      ],
    },
  ],
}

export const CONVERSATIONS = [bike, camera, projector, tent, surfboard, drill]
