"""What the block says, in every language.  No text holds a ``;``: iOS cuts a note there."""

from collections.abc import Mapping

from cardsync.model import QuestionKind, WorkField

NAMES = (
    "still",
    "still_at",
    "still_as",
    "last_sure",
    "unchanged_since",
    "domain",
    "writes_from",
    "leads_to",
    "says",
    "ended",
    "no_domain",
    "half_updated_one",
    "half_updated_many",
    "missing",
    "follow_up",
    "follow_up_from",
    "bounced",
    "hint_still",
    "hint_half_updated",
    "hint_missing",
    "hint_follow_up",
    "hint_bounced",
)
"""The templates' names, which ``reminders.texts`` may override."""

QUESTIONS: Mapping[QuestionKind, tuple[str, ...]] = {
    QuestionKind.STILL: ("still", "still_at", "still_as"),
    QuestionKind.HALF_UPDATED: ("half_updated_one", "half_updated_many"),
    QuestionKind.MISSING: ("missing",),
    QuestionKind.FOLLOW_UP: ("follow_up", "follow_up_from"),
    QuestionKind.BOUNCED: ("bounced",),
}
"""Which templates ask which question; with a remark of ``SIGHTS``, STILL is SEEN."""

HINTS: Mapping[QuestionKind, str] = {
    QuestionKind.STILL: "hint_still",
    QuestionKind.SEEN: "hint_still",
    QuestionKind.HALF_UPDATED: "hint_half_updated",
    QuestionKind.MISSING: "hint_missing",
    QuestionKind.FOLLOW_UP: "hint_follow_up",
    QuestionKind.BOUNCED: "hint_bounced",
}
"""What tells the owner how to answer it."""

SIGHTS = ("writes_from", "leads_to", "says", "ended", "no_domain")
"""What a source saw, as a remark."""

REMARKS = (*SIGHTS, "domain", "last_sure", "unchanged_since")
"""What may follow a question, the most telling first."""

SLOTS = frozenset(
    {
        "title",
        "organisation",
        "old_organisation",
        "month",
        "domain",
        "fields",
        "name",
        "address",
        "day",
        "source",
        "value",
    }
)
"""What a template may contain in braces."""

TEMPLATES: Mapping[str, Mapping[str, str]] = {
    language: dict(zip(NAMES, (line.strip() for line in lines.strip().splitlines()), strict=True))
    for language, lines in {
        "en": """
            still {title} at {organisation}?
            still at {organisation}?
            still {title}?
            (last sure {month})
            (card unchanged since {month})
            (a work e-mail is at {domain})
            (writes from {value})
            ({source} now leads to {value})
            ({source} says {value})
            ({source} says that it ended)
            ({source} takes no mail any more)
            company changed to {organisation} in {month}. {fields} is still {old_organisation}'s.
            company changed to {organisation} in {month}. {fields} are still {old_organisation}'s.
            {fields} not on the card. Where does {name} work?
            where is {name} now?
            no longer at {organisation}. Where is {name} now?
            mail to {address} bounced on {day}. Where is {name} now?
            Type: ok / left / later / never
            Edit them, or type: ok / later / never
            Add it above, or type: later / never
            Edit the company above, or type: later / never
            Edit the company above, or type: left / later / never
        """,
        "de": """
            noch {title} bei {organisation}?
            noch bei {organisation}?
            noch {title}?
            (zuletzt bestätigt im {month})
            (Karte unverändert seit {month})
            (Arbeits-E-Mail bei {domain})
            (schreibt von {value})
            ({source} führt jetzt zu {value})
            ({source} sagt {value})
            (laut {source} beendet)
            ({source} nimmt keine Mail mehr an)
            Firma im {month} zu {organisation} geändert. {fields} ist noch von {old_organisation}.
            Firma im {month} zu {organisation} geändert. {fields} sind noch von {old_organisation}.
            auf der Karte fehlt: {fields}. Wo arbeitet {name}?
            wo ist {name} jetzt?
            nicht mehr bei {organisation}. Wo ist {name} jetzt?
            Mail an {address} kam am {day} zurück. Wo ist {name} jetzt?
            Schreib: ok / weg / später / nie
            Ändere das oben oder schreib: ok / später / nie
            Ergänze das oben oder schreib: später / nie
            Ändere oben die Firma oder schreib: später / nie
            Ändere oben die Firma oder schreib: weg / später / nie
        """,
        "fr": """
            toujours {title} chez {organisation} ?
            toujours chez {organisation} ?
            toujours {title} ?
            (confirmé en {month})
            (fiche inchangée depuis {month})
            (e-mail pro chez {domain})
            (écrit depuis {value})
            ({source} mène maintenant à {value})
            ({source} dit {value})
            (terminé selon {source})
            ({source} ne reçoit plus d'e-mail)
            société passée à {organisation} en {month}. Encore de {old_organisation} : {fields}.
            société passée à {organisation} en {month}. Encore de {old_organisation} : {fields}.
            il manque sur la fiche : {fields}. Où travaille {name} ?
            où est {name} maintenant ?
            n'est plus chez {organisation}. Où est {name} maintenant ?
            l'e-mail à {address} est revenu le {day}. Où est {name} maintenant ?
            Écrire : ok / parti / plus tard / jamais
            Corriger ci-dessus, ou écrire : ok / plus tard / jamais
            Ajouter ci-dessus, ou écrire : plus tard / jamais
            Modifier la société ci-dessus, ou écrire : plus tard / jamais
            Modifier la société ci-dessus, ou écrire : parti / plus tard / jamais
        """,
        "es": """
            ¿sigue como {title} en {organisation}?
            ¿sigue en {organisation}?
            ¿sigue como {title}?
            (confirmado en {month})
            (ficha sin cambios desde {month})
            (correo de trabajo en {domain})
            (escribe desde {value})
            ({source} lleva ahora a {value})
            ({source} dice {value})
            (terminado según {source})
            ({source} ya no recibe correo)
            la empresa cambió a {organisation} en {month}. Aún de {old_organisation}: {fields}.
            la empresa cambió a {organisation} en {month}. Aún de {old_organisation}: {fields}.
            falta en la ficha: {fields}. ¿Dónde trabaja {name}?
            ¿dónde está {name} ahora?
            ya no en {organisation}. ¿Dónde está {name} ahora?
            el correo a {address} rebotó el {day}. ¿Dónde está {name} ahora?
            Escribe: ok / se fue / más tarde / nunca
            Corrígelo arriba, o escribe: ok / más tarde / nunca
            Añádelo arriba, o escribe: más tarde / nunca
            Edita la empresa arriba, o escribe: más tarde / nunca
            Edita la empresa arriba, o escribe: se fue / más tarde / nunca
        """,
        "pt": """
            ainda {title} na {organisation}?
            ainda na {organisation}?
            ainda {title}?
            (confirmado em {month})
            (contato sem alterações desde {month})
            (e-mail de trabalho em {domain})
            (escreve de {value})
            ({source} leva agora a {value})
            ({source} diz {value})
            (terminou segundo {source})
            ({source} já não recebe e-mail)
            a empresa mudou para {organisation} em {month}. Ainda da {old_organisation}: {fields}.
            a empresa mudou para {organisation} em {month}. Ainda da {old_organisation}: {fields}.
            falta no contato: {fields}. Onde trabalha {name}?
            onde está {name} agora?
            já não está na {organisation}. Onde está {name} agora?
            o e-mail para {address} voltou em {day}. Onde está {name} agora?
            Escreva: ok / saiu / mais tarde / nunca
            Corrija acima, ou escreva: ok / mais tarde / nunca
            Acrescente acima, ou escreva: mais tarde / nunca
            Edite a empresa acima, ou escreva: mais tarde / nunca
            Edite a empresa acima, ou escreva: saiu / mais tarde / nunca
        """,
    }.items()
}

MONTHS: Mapping[str, tuple[str, ...]] = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "de": ("Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."),
    "fr": ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."),
    "es": ("ene.", "feb.", "mar.", "abr.", "may.", "jun.", "jul.", "ago.", "sept.", "oct.", "nov.", "dic."),
    "pt": ("jan.", "fev.", "mar.", "abr.", "maio", "jun.", "jul.", "ago.", "set.", "out.", "nov.", "dez."),
}

_W = WorkField
FIELD_WORDS: Mapping[str, Mapping[WorkField, str]] = {
    language: dict(zip(_W, words.split("|"), strict=True))
    for language, words in {
        "en": "company|department|title|role|work e-mail|work phone|work URL|work address",
        "de": "Firma|Abteilung|Position|Funktion|Arbeits-E-Mail|Arbeitstelefon|Arbeits-URL|Arbeitsadresse",
        "fr": "société|service|poste|fonction|e-mail pro|téléphone pro|site pro|adresse pro",
        "es": "empresa|departamento|cargo|función"
        "|correo de trabajo|teléfono de trabajo|web de trabajo|dirección de trabajo",
        "pt": "empresa|departamento|cargo|função"
        "|e-mail de trabalho|telefone de trabalho|site de trabalho|endereço de trabalho",
    }.items()
}
AND: Mapping[str, str] = {"en": "and", "de": "und", "fr": "et", "es": "y", "pt": "e"}
