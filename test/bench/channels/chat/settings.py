import os

SECRET_KEY = "benchmark"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "channels", "chat"]
MIDDLEWARE = []
ASGI_APPLICATION = "chat.asgi.application"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SEED_SQLITE"]}}
REDIS = ("127.0.0.1", int(os.environ["SEED_REDIS"]))
CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS]}}}
LOGGING_CONFIG = None
