import json

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth.models import User

from .models import Message, Room


class ChatConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        self.room_id = self.scope["url_route"]["kwargs"]["room_id"]
        self.group = f"chat_room_{self.room_id}"
        if not await self.room_exists(self.room_id):
            await self.close()
            return
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data=None, bytes_data=None):
        said = json.loads(text_data)
        name = await self.store(said["room_id"], said["sender_email"], said["message"])
        event = {"type": "chat_message", "message": said["message"], "sender_username": name}
        await self.channel_layer.group_send(self.group, event)

    async def chat_message(self, event):
        frame = {"message": event["message"], "sender_username": event["sender_username"]}
        await self.send(text_data=json.dumps(frame))

    @database_sync_to_async
    def room_exists(self, room_id):
        return Room.objects.filter(pk=room_id).exists()

    @database_sync_to_async
    def store(self, room_id, email, text):
        user = User.objects.get(email=email)
        room = Room.objects.get(pk=room_id)
        Message.objects.create(room=room, sender=user, text=text)
        return user.username
