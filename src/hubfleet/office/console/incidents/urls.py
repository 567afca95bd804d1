"""The addresses of incidents; part of the `console` namespace."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, register_converter
from django.urls.converters import StringConverter

from hubfleet.office.console.incidents import incident_page, list_pages, public_pages, report_pages


class FileKind(StringConverter):
    """As what a report can be taken along."""

    regex = "md|pdf"


register_converter(FileKind, "filekind")

_report: list[URLPattern | URLResolver] = [
    path("", report_pages.report, name="incident_report"),
    path("write/", report_pages.write, name="incident_report_write"),
    path("actions/", report_pages.action, name="incident_action"),
    path("actions/<int:which>/", report_pages.action, name="incident_action_change"),
    path("actions/<int:which>/done/", report_pages.action_done, name="incident_action_done"),
    path("step/<slug:what>/", report_pages.step, name="incident_report_step"),
    path("report.<filekind:kind>", report_pages.file, name="incident_report_file"),
]

_incidents: list[URLPattern | URLResolver] = [
    path("", list_pages.listing, name="incidents"),
    path("declare/", list_pages.declare, name="incident_declare"),
    path("debt/", list_pages.debt, name="incident_debt"),
    path("silences/", list_pages.silence, name="incident_silences"),
    path("silences/<int:number>/end/", list_pages.end_silence, name="incident_silence_end"),
    path("<int:number>/", incident_page.incident, name="incident"),
    path("<int:number>/do/<slug:what>/", incident_page.act, name="incident_act"),
    path("<int:number>/answer/", incident_page.answer, name="incident_answer"),
    path("<int:number>/report/", include(_report)),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("incidents/", include(_incidents)),
    path("status/incidents/<int:number>/", public_pages.incident, name="status_incident"),
    path(
        "status/incidents/<int:number>/report.<filekind:kind>",
        public_pages.file,
        name="status_report",
    ),
]
