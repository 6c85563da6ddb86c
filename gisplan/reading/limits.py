"""The zone's own limits: what ``[limits]`` of zone.toml sets in place of its profile's, laid over it and listed."""

from __future__ import annotations

from gisplan.base.errors import ProfileError
from gisplan.base.issues import Book
from gisplan.base.labels import Label, label, say
from gisplan.reading.entries import NAME
from gisplan.reading.refusals import listing, nearest, note, refusal, shorten
from gisplan.rules.overrides import Entry, names, override, written
from gisplan.rules.profile import Profile

_KNOWN = 60


def own_limits(profile: Profile, limits: tuple[Entry, ...], own: bool, book: Book) -> Profile:
    """Lay the zone's own limits over the profile, and list each.

    Parameters
    ----------
    profile
        The profile that the zone is judged by.
    limits
        The entries of ``[limits]``.
    own
        Whether the profile is the zone's own. What the zone's own profile does not have is refused; what another lacks,
        chosen for this run alone, is listed.
    book
        Takes the records.

    Raises
    ------
    ProfileError
        An entry names nothing, or says something that is not allowed there.
    """
    known = names(profile)

    def refuse(entry: Entry, key: str, found: object, allowed: str | Label) -> Exception:
        allowed = allowed.text(book.lang) if isinstance(allowed, Label) else allowed
        return refusal(
            ProfileError, "toml_value", book.lang, place=entry.place, key=key, found=shorten(found), allowed=allowed
        )

    for entry in limits:
        if entry.key in known:
            continue
        if own:
            near = nearest(entry.key, known)
            raise refusal(
                ProfileError, "limit_unknown", book.lang,
                place=entry.place, key=shorten(entry.key), profile=profile.id, known=listing(known, _KNOWN),
                near=say("allow.near", book.lang, word=near) if near else "",
            )  # fmt: skip
        book.add("limit_unused", "warning", "noted", (NAME, "", entry.key), key=entry.key, profile=profile.id)
    laid = override(profile, tuple(entry for entry in limits if entry.key in known), refuse)
    for key, past in laid.overridden.items():
        book.add(
            "limit_overridden", "info", "declared", (NAME, "", key),
            key=key, limit=written(laid, key), former=past.former,
            basis=label(f"basis.{past.basis}").text(book.lang), source=f" {past.code} {past.clause}".rstrip(),
        )  # fmt: skip
    return laid


def note_of(profile: Profile) -> list[Label]:
    """Say in one sentence, for every output, what the zone's own file has put in place of the profile's limits."""
    if not profile.overridden:
        return []
    pairs = [(f"{key} {written(profile, key)}", past.former) for key, past in profile.overridden.items()]
    listed = [f"{limit} ({former})" if former else limit for limit, former in pairs]
    return [note("limits_overridden", count=len(listed), limits="; ".join(listed))]
