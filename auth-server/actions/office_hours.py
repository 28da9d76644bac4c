"""Remove approve:timesheets outside office hours for clients whose metadata says `approves: office-hours`."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

OFFICE_HOURS = range(8, 18)
SATURDAY = 5


def on_execute_credentials_exchange(event: Any, api: Any) -> None:
    """Narrow the scope by the hour in the client's `time_zone`, or in UTC if it names none."""
    if event.client.metadata.get("approves") != "office-hours":
        return
    now = datetime.now(ZoneInfo(event.client.metadata.get("time_zone", "UTC")))
    if now.weekday() >= SATURDAY or now.hour not in OFFICE_HOURS:
        api.transaction.remove_target_scope("approve:timesheets")
