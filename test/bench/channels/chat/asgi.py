from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

http = get_asgi_application()

from chat.consumers import ChatConsumer  # after Django is set up

rooms = URLRouter([path("ws/room/<int:room_id>/messages", ChatConsumer.as_asgi())])
application = ProtocolTypeRouter({"http": http, "websocket": rooms})
