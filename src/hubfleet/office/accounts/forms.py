"""Forms of the accounts' pages."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from hubfleet.office.accounts.facts import StaffRole
from hubfleet.office.accounts.invitees import is_address
from hubfleet.office.accounts.logins import LONGEST
from hubfleet.office.accounts.models import Person


class SignIn(LoginForm):  # type: ignore[misc]  # allauth is not typed
    """allauth's form with our words, and with what password managers want to know."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        login = self.fields["login"]
        login.label = "Login or e-mail address"
        login.widget.attrs = {"autocomplete": "username webauthn", "autocapitalize": "none"}
        login.widget.attrs["autofocus"] = True
        login.max_length = 254
        password = self.fields["password"]
        password.label = "Password"
        password.widget.attrs = {"autocomplete": "current-password"}
        password.help_text = ""


class NewAccount(forms.Form):
    """What an invited person says; `login` is left out when the invitation carries it."""

    login = forms.CharField(
        max_length=LONGEST,
        label="Login",
        help_text="Your user name on all hubs. It can never be changed.",
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    name = forms.CharField(
        max_length=200,
        label="Name",
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label="Password",
        help_text="At least 10 characters.",
        required=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *arguments: Any, email: str, carried: str = "", **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.email, self.carried = email, carried
        if carried:
            del self.fields["login"]

    @property
    def login_name(self) -> str:
        """The login that the account will have."""
        return self.carried or str(self.cleaned_data.get("login", "")).strip().lower()

    def needs_password(self) -> None:
        """For those who do not sign in elsewhere; adds what is wrong with it to the errors."""
        password = self.cleaned_data.get("password")
        if not password:
            self.add_error("password", "Choose a password.")
            return
        likeness = Person(login=self.login_name, email=self.email)
        likeness.name = str(self.cleaned_data.get("name", ""))
        try:
            validate_password(password, likeness)
        except ValidationError as error:
            self.add_error("password", error)


class FirstAccount(NewAccount):
    """The same with an address, which for the first administrator nobody has invited."""

    email_address = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    field_order = ("login", "name", "email_address", "password")

    def clean_email_address(self) -> str:
        email = str(self.cleaned_data["email_address"]).lower()
        if not is_address(email):
            raise ValidationError("Write an address such as ada@example.org.")
        self.email = email
        return email


class InviteStaff(forms.Form):
    """Somebody of the operator."""

    email = forms.EmailField(label="E-mail address", max_length=254)
    name = forms.CharField(label="Name", required=False, max_length=200)
    login = forms.CharField(
        label="Login",
        required=False,
        max_length=150,
        help_text="Only where the declaration names them; else they choose one.",
    )
    roles = forms.MultipleChoiceField(
        label="Roles",
        required=False,
        choices=[(role.value, role.value.replace("-", " ")) for role in StaffRole],
        widget=forms.CheckboxSelectMultiple,
    )

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        if not is_address(email):
            raise ValidationError("Write an address such as ada@example.org.")
        return email


class Roles(forms.Form):
    """Which staff roles somebody has."""

    roles = forms.MultipleChoiceField(
        required=False,
        choices=[(role.value, role.value.replace("-", " ")) for role in StaffRole],
        widget=forms.CheckboxSelectMultiple,
    )
