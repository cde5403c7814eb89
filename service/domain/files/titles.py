"""Column titles in many languages: of plain personal data, and of who may have unsubscribed.

A title that may say who must not be emailed is never left out by itself: somebody has to say
what it means.
"""

import re

from service.domain.files.meanings import plain


def title_key(title: str) -> str:
    """Return under what a title is compared: letter case and white space do not count."""
    return " ".join(title.casefold().split())


_EMAIL = (
    "email, e mail, email address, e mail address, mail, emailaddress, subscriber email, "
    "e mail adresse, emailadresse, email adresse, mailadresse, adresse e mail, adresse email, "
    "adresse mail, courriel, adresse courriel, adresse de courriel, adresse electronique, correo, "
    "correo electronico, direccion de correo electronico, direccion de email, "
    "direccion de correo, indirizzo email, indirizzo e mail, indirizzo mail, e mailadres, "
    "emailadres, endereco de e mail, endereco de email, adres e mail, adres email, e postadress, "
    "epostadresse, e postadresse, e post, mailadresse, sahkoposti, sahkopostiosoite, e posta, "
    "emailova adresa, e mail cim, adresa de e mail, электронная почта, адрес электронной почты, "
    "メールアドレス, 电子邮件, 电子邮箱, 邮箱, 電子郵件, 이메일"
)
_FIRST_NAME = (
    "first name, firstname, fname, given name, vorname, prenom, nombre, nome, voornaam, imie, "
    "krestni jmeno, fornavn, fornamn, etunimi, keresztnev, prenume, prenom du contact, имя, 名"
)
_LAST_NAME = (
    "last name, lastname, lname, surname, family name, nachname, familienname, nom, "
    "nom de famille, apellido, apellidos, cognome, sobrenome, apelido, achternaam, nazwisko, "
    "prijmeni, etternavn, efternavn, efternamn, sukunimi, vezeteknev, nume, nume de familie, "
    "soyadi, фамилия, 姓"
)
_NAME = (
    "name, full name, fullname, display name, contact name, subscriber name, vollstandiger name, "
    "nom complet, nombre completo, nome completo, naam, navn, namn, nimi, jmeno, 氏名, 姓名"
)

PLAIN_TITLES = {
    title: target
    for titles, target in (
        (_EMAIL, "email"),
        (_FIRST_NAME, "first_name"),
        (_LAST_NAME, "last_name"),
        (_NAME, "name"),
    )
    for title in (plain(each) for each in titles.split(","))
}
"""What titles of addresses and names mean in any file, after `plain`. They change no status."""

# Stems after `plain`, in the languages of `meanings` and some more.
_ABOUT_LEAVING = re.compile(
    # how the person stands
    r"\bstat(us|e|es|ut|ue|o|os)\b|status|\bstand\b|zustand|\betat\b|\bestado|situa[tc]i|\bdurum"
    r"|\bstav\b|статус|состояние|状态|狀態|状態|ステータス"
    # leaving, and subscribing
    r"|unsub|subscri|\bsubs?\b|\bopt|optin|optout|\bleft\b|\bquit|\bexit|\bgone\b|churn"
    r"|abgemeld|abmeld|abbestell|angemeldet|anmeldung|abonn|abonam|aboni|\babo\b|ausgetrag|austrag"
    r"|austritt|ausgetret|kundig|kuendig|widerruf|widersp|inscri|inscrit|\bbaja|\balta\b|suscri"
    r"|iscri|cadastr|assina|uitgeschr|ingeschr|afgemeld|aangemeld|opgezegd|avregistr|avanmal"
    r"|prenumer|afmeld|tilmeld|avmeld|pamelding|wypis|zapisan|odhlas|prihlas|odber|ayril"
    r"|подпис|отпис|订阅|訂閱|退订|購読|配信|登録"
    # consent
    r"|consen|accept|acept|accett|aceita|accord|akzept|agree|approv|allow|permi[st]|erlaub|zustimm|zugestimmt|einwillig"
    r"|einverst|autori[sz]|authori[sz]|toestemm|samtyk|samtyc|zgod|souhlas|\bizin|\bonay"
    r"|\bgdpr|\bdsgvo|\brgpd|\blgpd|\bccpa|\bcasl|\bavg\b|privacy|datenschutz|legal basis"
    r"|rechtsgrund|legitimate|coi\b|\bdoi\b|согласи|同意"
    # addresses that take no email
    r"|bounc|rebot|rimbalz|unzustell|zustellbar|deliverab|undeliver|npai|reachab|erreichbar"
    r"|\bclean|bereinigt|valid|gultig|gueltig|geldig|valide|verifi|quality|quarantin|\bfail"
    r"|\bhard\b|\bsoft\b|error|fehler"
    # taken away, blocked
    r"|block|\bblack|bloqu|blocc|gesperrt|sperr|\bban\b|banned|deny|denied|suppress|unterdruck"
    r"|supprim|delet|geloscht|geloescht|loschung|elimin|borrad|effac|remov|entfernt|verwijder"
    r"|exclu|ausgeschl|archiv|trash|disab|enabl|desactiv|deaktiv|disattiv|cancel|annul|revok|revoc"
    r"|withdr|\bstop|paus|snooz|suspend|reject|refus|declin|zablok|usuni|удал|блок"
    r"|robinson|\bdnc\b|\bdnd\b|do not|\bdont\b|don t\b|\bno (e ?)?(mail|news|contact|market)"
    r"|nicht|\bne pas\b|no enviar|non inviare|\bkein"
    # gone, or not now
    r"|\bend(s|ed|ing)?\b|\buntil\b|expir|\bclosed?\b|\bmuted?\b|\bhold\b|frozen|\bformer|resign"
    r"|object(ed|ion)|\bdead\b|deceas|verstorb|decede|fallecid|return to sender|\bout\b"
    r"|do ?not|no ?e?mail|rejet|resili|liste noire|lista negra|no molestar|lifecycle|lawful"
    r"|\bterms\b|\bt c\b|situaca|actief|geblok|aktywn|frameld"
    r"|\btila\b|perut|suostum|\blupa|markkinoin|uutiskirj|leiratk|feliratk|hozzajarul|allapot"
    r"|hirlevel|dezabon|\bstare\b|acord|\babone|iptal|活跃|激活|구독|수신|상태|동의|거부|حالة|اشتراك"
    r"|موافقة|καταστασ|διαγραφ|εγγραφ|συγκαταθ"
    # complaints
    r"|complain|\bspam|abuse|beschwer|plainte|queja|reclam|klacht|жалоб"
    # whether they are there, want it, get it
    r"|\baktiv|\bactive|\bactiv[oae]?\b|\bactif|attiv|\bativ|inactiv|inaktiv|inactif|inattiv"
    r"|confirm|bestatigt|bestaetigt|bestatigung|bevestig|potwierdz|potvrz|подтвер"
    r"|newsletter|infolettre|boletin|mailing|marketing|promo|advert|werbung|publici|reklam"
    r"|wants? |receiv|erhalt|empfang"
    r"|recevoir|recibir|ricev|preferenc|einstellung|mailable|emailable|contactable|kontaktier"
    r"|\bsend|\bsubs|mail ok|\bnews\b|ok to|okay to|may (e ?)?mail|can (e ?)?mail"
)

# Where one word of `HasOptedOutOfEmail` ends and the next begins.
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def may_tell_who_left(title: str) -> bool:
    """Tell whether a column of this title may say who must not be emailed."""
    return _ABOUT_LEAVING.search(plain(_HUMP.sub(" ", title))) is not None
