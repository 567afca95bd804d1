"""Django's settings of the whole office, as far as they are the same everywhere.

What differs from place to place (database, address, secret key, trusted proxies) is added by
`launch`, from the declaration and the command line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hubfleet.office.accounts.rules import SETTINGS

INSTALLED_APPS = [
    "hubfleet.office.site",
    "hubfleet.office.api",
    "hubfleet.office.console",
    "hubfleet.office.reactions",
    "hubfleet.office.incidents",
    "hubfleet.office.oncall",
    "hubfleet.office.leaving",
    "hubfleet.office.changes",
    "hubfleet.office.watching",
    "hubfleet.office.usage",
    "hubfleet.office.ledger",
    "hubfleet.office.identity",
    "hubfleet.office.accounts",
    "hubfleet.office.audit",
    "hubfleet.office.post",
    "hubfleet.office.schedules",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.cilogon",
    "allauth.socialaccount.providers.github",
    "allauth.socialaccount.providers.google",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "allauth.usersessions",
    "oauth2_provider",
]

MIDDLEWARE = [
    "hubfleet.office.site.middleware.measure",
    "hubfleet.office.site.middleware.headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "hubfleet.office.accounts.second_factor.asked_of_staff",
]

ROOT_URLCONF = "hubfleet.office.site.urls"
APPEND_SLASH = True

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "hubfleet.office.console.context.frame",
            ],
            "builtins": [
                "django.templatetags.static",
                "hubfleet.office.site.templatetags.hubfleet",
            ],
        },
    }
]

DATABASES: dict[str, Any] = {}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    # Codes and rate limits must outlive a restart and be the same for several processes.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "site_cache",
    }
}

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"
# `launch` sets up logging, once uvicorn's is known too.
LOGGING_CONFIG = None

# What `launch` knows better; named here for the type checker.
CONSOLE_ADDRESS = "http://localhost:8010"
CONSOLE_VERSION = ""
TRUSTED_PROXIES = 0
METRICS_TOKEN_FILE = Path()

STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Nothing is uploaded into files: forms take text and small lists.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

SESSION_ENGINE = "hubfleet.office.accounts.sessions"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "hubfleet.office.site.errors.forged"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
X_FRAME_OPTIONS = "DENY"
# The message framework's words are the classes of our style sheet.
MESSAGE_TAGS = {10: "quiet", 20: "quiet", 25: "good", 30: "warn", 40: "bad"}

# ---- People (accounts) --------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# One sign-in for all hubs: `identity.configured`, because it depends on the place.

# How allauth behaves here, and which model people are.
globals().update(SETTINGS)
