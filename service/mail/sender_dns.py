"""What DNS says about a sender's domain: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import dns.exception
import dns.resolver

from service.domain.finding import Finding, failed, ok, warning

TIMEOUT_SECONDS = 5.0

SELECTORS: Mapping[str, tuple[str, ...]] = {
    "sendgrid": ("s1", "s2"),
    "mailgun": ("pic", "k1", "mx", "mailo", "smtp", "pdk1", "pdk2"),
    "brevo": ("mail", "brevo1", "brevo2"),
    "resend": ("resend",),
    "mailjet": ("mailjet",),
    "mailtrap": ("rwmt1", "rwmt2"),
}
"""Selectors that these providers give out as a rule. The others make a new one for each domain."""

SPF_INCLUDES: Mapping[str, str] = {
    "postmark": "spf.mtasv.net",
    "sendgrid": "sendgrid.net",
    "mailgun": "mailgun.org",
    "ses": "amazonses.com",
    "brevo": "spf.brevo.com",
    "resend": "amazonses.com",
    "mailjet": "spf.mailjet.com",
    "scaleway": "_spf.tem.scaleway.com",
}


class LookupFailedError(Exception):
    """DNS gave no answer, neither a record nor that there is none."""


LookUp = Callable[[str], Sequence[str]]
"""Takes a name and returns its TXT records, none where it has none, or raises
`LookupFailedError`."""


def look_up_txt(name: str) -> Sequence[str]:
    """Return the TXT records of a name, as the system's resolver knows them."""
    try:
        answer = dns.resolver.resolve(name, "TXT", lifetime=TIMEOUT_SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError):
        raise LookupFailedError(name) from None
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


def check_sender_domain(
    domain: str, providers: Sequence[str], look_up: LookUp = look_up_txt
) -> Iterator[Finding]:
    """Look at SPF, DKIM for each of the providers, and DMARC."""
    checks: list[Callable[[], Finding]] = [partial(_spf, domain, providers, look_up)]
    checks += [partial(_dkim, domain, name, look_up) for name in providers]
    checks.append(partial(_dmarc, domain, look_up))
    for check in checks:
        try:
            yield check()
        except LookupFailedError as error:
            yield warning(f"DNS of {domain}", f"no answer for {error}: try again later")


def _spf(domain: str, providers: Sequence[str], look_up: LookUp) -> Finding:
    subject = f"SPF of {domain}"
    records = [text for text in look_up(domain) if text.lower().split(" ")[0].strip() == "v=spf1"]
    if len(records) > 1:
        return failed(subject, "there are several records, so none is used: merge them")
    missing = [
        SPF_INCLUDES[name]
        for name in providers
        if name in SPF_INCLUDES and not any(SPF_INCLUDES[name] in text for text in records)
    ]
    if not records:
        include = "".join(f"include:{name} " for name in missing)
        return warning(subject, f'there is no record: publish TXT "v=spf1 {include}~all"')
    if records[0].split()[-1].lower() in ("+all", "all"):
        return failed(subject, "the record ends in +all, which lets everyone send: use ~all")
    if missing:
        names = " ".join(f"include:{name}" for name in missing)
        return warning(
            subject,
            f"the record lacks {names}: add it, unless the provider uses its own return path",
        )
    return ok(subject, "published")


def _dkim(domain: str, provider: str, look_up: LookUp) -> Finding:
    subject = f"DKIM of {domain} at {provider}"
    selectors = SELECTORS.get(provider)
    if selectors is None:
        return warning(
            subject, "its selector differs for each domain: check there that the domain is verified"
        )
    for selector in selectors:
        for text in look_up(f"{selector}._domainkey.{domain}"):
            if _tags(text).get("p"):
                return ok(subject, f"published ({selector}._domainkey)")
    return warning(
        subject,
        f"no key at the usual selectors ({', '.join(selectors)}): publish what {provider} shows "
        "for the domain",
    )


def _dmarc(domain: str, look_up: LookUp) -> Finding:
    subject = f"DMARC of {domain}"
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        name = ".".join(["_dmarc", *labels[start:]])
        found = [
            _tags(text)
            for text in look_up(name)
            if text.lower().replace(" ", "").startswith("v=dmarc1")
        ]
        if len(found) > 1:
            return failed(
                subject, f"there are several records at {name}, so none is used: keep one"
            )
        if found:
            policy = found[0].get("sp" if start else "p") or found[0].get("p", "")
            if policy.lower() in ("quarantine", "reject"):
                return ok(subject, f"published, policy {policy.lower()}")
            return warning(
                subject, "published, policy none: change to p=quarantine once the reports look good"
            )
    return failed(
        subject,
        "there is no record, but large mailbox providers require one: "
        f'publish TXT "v=DMARC1; p=none" at _dmarc.{domain}',
    )


def _tags(text: str) -> dict[str, str]:
    """Read a tag list (RFC 6376, section 3.2)."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {
        name.strip().lower(): "".join(value.split()) for name, _, value in pairs if name.strip()
    }
