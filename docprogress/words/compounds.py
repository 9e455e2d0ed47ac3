"""Parts of German compounds and of their relatives, found without a dictionary.

A compound is split where a syllable can begin, first where a linking element or a
cluster of consonants shows it. Some splits are wrong; such parts are no words that
anybody searches for.
"""

import re

#: The shortest word that is split, and the shortest parts.
SHORTEST = 7
_SHORTEST_PART = 4
_MOST_SPLITS = 3
_VOWELS = "aeiouy"
_ONSET = re.compile(
    "(?:[bdfgpkc]?[lr]|[gk]n|sch[lmnrw]?|chr?|pf[lr]?|ph|ps|qu|rh|s[klmnpt]|s[pt]r|spl"
    "|thr?|ts|tr|wr|zw|[bcdfghjkmnpqstvwz])?[aeiouy]"
)
_CODA = re.compile("[^aeiouy]*$")
_LINKED = re.compile("(?:ung|heit|keit|schaft|tion|ion|tat|ling|tum)s$")
_WORD = re.compile("[a-z]+")
_PARTS = """
abend absatz abteilung adresse akte aktie alter amt anfang angabe angebot anlage
anspruch antrag anwalt anzeige arbeit arbeits art arzt auftrag ausgabe auto bahn
bank bau bedingung behorde beitrag bereich bericht beruf bescheid betrag betrieb
betriebs bezirk bild blatt boden brief buch bund bundes burger burg daten dauer
dienst druck eigentum eingang einkommen einkommens ende energie entgelt erklarung
familie farbe fahr fahrzeug fall feld fest finanz firma flache flug form frage frau
freiheit freund frist fuhrer funktion garantie gas gebaude gebiet gebuhr gefahr geld
gemeinde gerat gericht gerichts gesamt geschaft geschafts gesellschaft gesellschafts
gesetz gewalt gewerbe gewinn glas grenze grund gruppe gut haft haftung handel
handels hand haupt haus heim herr hilfe hof hohe industrie inhalt jahr jahres jugend
kammer kapital karte kasse kauf kind kinder klage klasse kosten kraft kranken
krankheit kredit krieg kunde kunden kunst kurs lager land landes lauf leben lebens
lehr leistung leistungs leiter liste lohn luft macht mangel mann markt maschine
material meister mensch miet miete mietvertrag mitglied mittel monat monats musik
nachricht name nummer objekt ordnung organ ort papier partei patent person personal
pflege pflicht plan platz post preis produkt projekt prozess prufung punkt quelle
rat raum rechnung rechnungs recht rechts rede regel regierung reihe reise rente
sache satz schaden schadens schein schiff schluss schluessel schlussel schrift
schuld schule schutz seite sicherheit sicherheits sonder sorge spiel sport sprache
staat staats stadt stand start stelle steuer stoff strafe strasse straf strom stuck
stunde stunden system tag tage teil tisch titel tod trager turm uhr umsatz umwelt
unfall unternehmen unternehmens urlaub urlaubs urteil verband verbot verein
verfahren verfahrens verhaltnis verkehr verkehrs verlag verlust vermogen vermogens
verordnung versicherung versicherungs vertrag vertrags verwaltung verwaltungs volk
vorschrift waffe wagen wahl wald ware waren wasser weg welt werk wert wesen
wettbewerb wetter wirtschaft wirtschafts wissen wissenschaft woche wohn wohnung
wohnungs wort zahl zahlung zahlungs zeichen zeit zeitung zentrum zeug ziel zimmer
zins zoll zug zusatz zustand zweck
"""
_FUNCTION = """
der die das und ist den dem des von mit nicht ein eine einer eines einem einen zu
zur zum fur auf im wird werden oder nach bei durch het een van voor niet og att och
som til det ikke med for av er pa ja ei
"""
_ENGLISH = """
the and that with this are from has have to be which would their its
"""

#: Frequent first and last parts, folded.
_FREQUENT = frozenset(_PARTS.split())
#: Function words of languages that write compounds as one word.
FUNCTION_WORDS = frozenset(_FUNCTION.split()) - {"for", "die", "er", "pa", "ja", "van"}
#: Function words of English that those languages do not have.
ENGLISH_WORDS = frozenset(_ENGLISH.split())


def parts(word: str) -> set[str]:
    """Words that a folded word may be composed of."""
    if len(word) < SHORTEST or not _WORD.fullmatch(word):
        return set()
    found: set[str] = set()
    for at in _splits(word):
        left, right = word[:at], word[at:]
        found |= {left, right}
        if left.endswith("s"):
            found.add(left[:-1])
        if _LINKED.search(left) or left in _FREQUENT:
            found |= parts(right)
    return found


def _splits(word: str) -> list[int]:
    """Where a word may be split: only where it is likely, if that is anywhere."""
    # One place for each cluster of consonants.
    best: dict[int, tuple[int, int, int]] = {}
    shortest = _SHORTEST_PART - 1
    for at in range(shortest, len(word) - shortest + 1):
        left, right = word[:at], word[at:]
        known = (left in _FREQUENT) + (right in _FREQUENT)
        if not known and not (_SHORTEST_PART <= at <= len(word) - _SHORTEST_PART):
            continue
        onset = _ONSET.match(right)
        if onset is None or not any(vowel in left for vowel in _VOWELS):
            continue
        coda = _CODA.search(left)
        before = len(coda[0]) if coda else 0
        likely = 4 * bool(_LINKED.search(left)) + 3 * known
        rated = (likely, onset.end() - 1 + before, -at)
        best[at - before] = max(rated, best.get(at - before, rated))
    found = sorted(best.values(), reverse=True)
    if found and found[0][0]:
        found = [split for split in found if split[0] >= found[0][0]]
    return [-at for _, _, at in found[:_MOST_SPLITS]]
