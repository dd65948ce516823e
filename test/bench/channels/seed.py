# The tables, 1,000 people and 100 rooms.
import django
from django.core.management import call_command

django.setup()
from django.contrib.auth.models import User

from chat.models import Room

call_command("migrate", run_syncdb=True, verbosity=0)
User.objects.bulk_create([User(username=f"user{i}", email=f"user{i}@example.com") for i in range(1000)])
Room.objects.bulk_create([Room(pk=i, name=f"room {i}", owner_id=1, customer_id=2) for i in range(1, 101)])
