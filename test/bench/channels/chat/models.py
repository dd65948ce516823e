from django.contrib.auth.models import User
from django.db import models


class Room(models.Model):
    name = models.CharField(max_length=200)
    owner = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="owned")
    customer = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="joined")


class Message(models.Model):
    room = models.ForeignKey(Room, on_delete=models.CASCADE)
    sender = models.ForeignKey(User, on_delete=models.CASCADE)
    text = models.TextField()
    timestamp = models.DateTimeField(auto_now_add=True)
