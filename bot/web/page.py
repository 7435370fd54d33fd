"""Pages for a browser: plain, one column, no script but for a Copy button."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from hashlib import sha256
from html import escape

from aiohttp import web
from babel.dates import format_timedelta

from core import words
from core.clock import utcnow
from core.errors import sentence
from core.operations.calendar_status import Exchange
from core.operations.feeds import Addresses
from core.words import LANGUAGES, t

_HOUR = 3600
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --paper: #fff; --soft: #5a6475;
  --line: #c9d0db; --deed: #3949c6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceff5; --paper: #171b22; --soft: #a3adbd; --line: #3b4452; --deed: #5565e6; }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.5 system-ui, sans-serif; }
main { max-width: 38rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .75rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; overflow-wrap: anywhere; }
.soft { color: var(--soft); font-size: .95rem; }
.deed { display: inline-block; min-height: 2.75rem; padding: .55rem 1.1rem; border-radius: .5rem;
  border: 1px solid var(--deed); background: var(--deed); color: #fff; font: inherit;
  font-weight: 600; text-decoration: none; cursor: pointer; }
.deed.other { background: transparent; color: var(--ink); border-color: var(--line); }
.deed:focus-visible, input:focus-visible { outline: 3px solid var(--deed); outline-offset: 2px; }
.row { display: flex; flex-wrap: wrap; gap: .5rem; }
input { flex: 1 1 14rem; min-width: 0; min-height: 2.75rem; padding: .5rem .75rem; font: inherit;
  color: inherit; background: transparent; border: 1px solid var(--line); border-radius: .5rem; }
"""
_SCRIPT = """
const button = document.getElementById("copy"), link = document.getElementById("link");
button.hidden = false;
button.addEventListener("click", async () => {
  link.select();
  try { await navigator.clipboard.writeText(link.value); }
  catch { document.execCommand("copy"); }
  button.textContent = button.dataset.done;
});
"""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


# Nothing is loaded from anywhere, and only this very style and script count.
POLICY = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def language_of(request: web.Request) -> str:
    """The key of LANGUAGES that the browser likes best; English where it likes none of them."""
    liked = []
    for part in request.headers.get("Accept-Language", "")[:400].split(","):
        tag, _, weight = part.strip().partition(";q=")
        if tag.split("-", maxsplit=1)[0].lower() in LANGUAGES:
            liked.append((_number(weight), tag))
    return words.nearest(max(liked, key=lambda one: one[0])[1]) if liked else words.SOURCE


def _number(weight: str) -> float:
    try:
        return float(weight) if weight else 1.0
    except ValueError:
        return 0.0


def document(title: str, body: str, *, status: int = 200, script: bool = False) -> web.Response:
    """A page in the language spoken now. `title` is text, `body` HTML. Never kept by anybody."""
    code = f"<script>{_SCRIPT}</script>" if script else ""
    text = (
        f'<!doctype html><html lang="{words.language()}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex, nofollow"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><main>{body}</main>{code}</body></html>"
    )
    made = web.Response(text=text, content_type="text/html", status=status)
    made.headers["Content-Security-Policy"] = POLICY
    return made


_LANDING = """
<h1>📅 {name}</h1>
<p>{what}</p>
<h2>{at_home}</h2>
<p><a class="deed" href="{subscribe_at}">{subscribe}</a></p>
<p class="soft">{programs}</p>
<h2>{in_google}</h2>
<p><a class="deed other" rel="noreferrer" target="_blank" href="{google_at}">{google}</a></p>
<p class="soft">{android}</p>
<h2>{elsewhere}</h2>
<p class="row"><input id="link" readonly value="{feed_at}" aria-label="{link}">
<button id="copy" class="deed other" hidden data-done="{copied}">{copy}</button></p>
<p class="soft">{paste}</p>
<h2>{fresh}</h2>
<p>{read}</p>
<p>{calendar}</p>
<p class="soft">{yours}</p>
"""


def landing(
    name: str, where: Addresses, read_at: datetime | None, calendar: Exchange | None = None
) -> web.Response:
    """What can be done with a feed. `name` is as people typed it; `calendar`: of the server."""
    said = {
        "name": name,
        "what": t("Meetings in your own calendar. New, moved and cancelled ones follow."),
        "at_home": t("On a phone or computer"),
        "subscribe": t("Subscribe"),
        "subscribe_at": where.subscribe,
        "programs": t("Opens your calendar program: iPhone, iPad, Mac, Outlook, Thunderbird."),
        "in_google": t("In Google Calendar"),
        "google": t("Add to Google Calendar"),
        "google_at": where.google,
        "android": t("For Android too. Google looks for changes a few times a day."),
        "elsewhere": t("Anywhere else"),
        "feed_at": where.feed,
        "link": t("Link of this calendar"),
        "copy": t("Copy link"),
        "copied": t("Copied"),
        "paste": t("Paste it where your program asks for the address of a calendar."),
        "fresh": t("Is it up to date?"),
        "read": _fresh(read_at),
        "calendar": _exchanged(calendar),
        "yours": t(
            "This link is yours alone: whoever has it sees these meetings. "
            "To end it, type /calendar on Discord and choose New link."
        ),
    }
    body = _LANDING.format(**{key: escape(text) for key, text in said.items()})
    return document(name, body, script=True)


def no_such_link() -> web.Response:
    """For a wrong, an ended and an unknown link alike."""
    title = t("This link does not work")
    told = t("It may have been replaced by a new one. Type /calendar on Discord to get yours.")
    return document(title, f"<h1>{escape(title)}</h1><p>{escape(told)}</p>", status=404)


def _exchanged(calendar: Exchange | None) -> str:
    """How invitations stand; nothing where the server sends none."""
    if calendar is None or not (calendar.invites and calendar.guests):
        return ""
    if calendar.error is not None:
        problem = sentence(calendar.error)
        if calendar.stopped:
            return t("Invitations by e-mail have stopped: {problem}", problem=problem)
        return t("Invitations by e-mail are late: {problem}", problem=problem)
    if calendar.at is None:
        return t("Invitations by e-mail: nothing was exchanged yet.")
    return t("Invitations by e-mail: answers were read last {ago}.", ago=_ago(calendar.at))


def _fresh(read_at: datetime | None) -> str:
    """`read_at` is UTC and to the hour."""
    if read_at is None:
        return t("No calendar program has read it yet. Yours does as soon as you subscribe.")
    if (utcnow() - read_at).total_seconds() < _HOUR:
        return t("A calendar program read it within the last hour.")
    return t("It was read last by a calendar program {ago}.", ago=_ago(read_at))


def _ago(moment: datetime) -> str:
    """“5 minutes ago”; never now or in the future, whatever the clocks say."""
    since = max(utcnow() - moment, timedelta(seconds=1))
    return format_timedelta(-since, add_direction=True, locale=words.language())
