"""The raw material of the demo's address book: invented people, companies and notes.

Domains are under ``.example`` (RFC 2606), telephone numbers in the ranges kept free for fiction.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """An invented employer; ``domain`` is where its people's work e-mail lives."""

    name: str
    domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An invented address; ``code`` is Apple's country code for X-ABADR, each ``#`` of ``telephone`` any digit."""

    street: str
    city: str
    region: str
    postal_code: str
    country: str
    code: str
    telephone: str


GIVEN = """
Adaeze Aiko Alba Alejandro Alina Amara Amélie Anders Anneke Anouk Ansel Aoife Ariadne Arvid Asha Astrid Aurelio Beatrix
Benedikt Bettina Bogdan Brigid Bronwen Caio Calista Camille Carsten Casimir Catarina Ciarán Clotilde Corentin Cosima
Dagmar Dalia Damaris Darius Delphine Desmond Dilara Dov Edda Eero Eilidh Eleni Elif Emeka Enzo Esperanza Étienne Farah
Fatoumata Felicity Fiona Florian Freya Gaspard Gesine Ginevra Gudrun Gwen Hadiza Halima Hannes Hedda Hiroshi Ida Ignacio
Ilse Imogen Ines Isolde Ivo Jadwiga Jarek Jens Jocelyn Jolanda Jørgen Jutta Kaja Kalani Katya Kenji Kirsten Kwame Lamija
Leander Leila Leocadia Linnea Ljubica Lorcan Ludmila Maeve Magnus Maite Malik Manon Mireille Nadia Naoko Niamh Niels
""".split()  # noqa: SIM905 - quotes around each would hide the names

FAMILY = """
Abernathy-Voss Adebowale Ahlgren Albescu Almqvist Amundsrud Anteneh Aragundi Ashdown-Reyes Baartman Balodis Barrowclough
Bělohlávková Bergstraesser Birkenhain Bjarkason Bodnarescu Brannigham Brzezicki Calderwick Castellnou Cavendale
Chukwudozie Corvaglia Czajkowicz Dahlberry Dąbrowicz Delacroisette Demirkaya Dimitropoulou-Hale Donnerstag Dragulescu
Eberstark Echevarrieta Eikenboom Ekwueme-Park Erlingsdatter Fairweather-Quist Falkenrath Fernhollow Fjellheim
Fontanarosa Galbreath-Ito Garrigosa Gerstenmeier Goldwhistle Grzybowicz Gullfoss Haldorsdatter Hartigsmann Hawksworthy
Heikkilanen Hollingbrook Ibarguren Iglesiasson Iwakurada Jarmuszek Jurkovičová Kaltenbrook Karamanlou Kettlewood
Kirchhübel
Kovalevych Kristmundsen Kurokawara Lachapelliere Lindqvarn Llewellynd Lohmühler Łuczkowicz Macgillivrane Madrigaletti
Marchetteau Mazurkova Mbekiwe Meadowcroft Mihailovska Montclairvert Nakagamiya Nadolnyk Niedermoser Nightingdale
Nwachukwe Oakenshaw Obermüllner Ólafsdatter Ortuzarra Östergrenn Palmgarten Papadelis Pemberwick Quarterfield
Quiñoneros Rademakker Ravensbourne Rosenquill Rydholm-Ames Sandovalle Schönwetter Silberhorn Sørlund Szczepanek
Tanaborough Thistlewhaite Tjäderholm Uhrwerker Underhøj Valdivielso Vandersmeet Vesterholt Wakasugita Weatherstone
Wiśniowiec Yamanouchida Yardleywood Zalewicki Zimmerwald
""".split()  # noqa: SIM905 - as above

COMPANIES = tuple(
    Company(name=name, domain=domain + ".example")
    for name, domain in (
        ("Acme Robotics", "acme-robotics"),
        ("Initrode", "initrode"),
        ("Blue Heron Bank", "blueheron"),
        ("Nordlicht Energie GmbH", "nordlicht-energie"),
        ("Pellucid Optics", "pellucid"),
        ("Saltmarsh & Daughters", "saltmarsh"),
        ("Karst Geothermal", "karst"),
        ("Mirabel Foods, Inc.", "mirabelfoods"),
        ("Tessellate", "tessellate"),
        ("Quillfeather Publishing", "quillfeather"),
        ("Lumen Valley Hospital", "lumenvalley"),
        ("Atelier Corbeau", "atelier-corbeau"),
        ("Ostara Biotech AG", "ostara-bio"),
        ("Greywether Shipping", "greywether"),
        ("Fathom Nine", "fathomnine"),
        ("Universität Hohenlinde", "uni-hohenlinde"),
        ("Copperline Railways", "copperline"),
        ("Verdant Loop", "verdantloop"),
        ("Halcyon Insurance", "halcyon-insurance"),
        ("Paperkite Studio", "paperkite"),
        ("Zephyr & Stone LLP", "zephyrstone"),
        ("Marigold Systems", "marigold-systems"),
        ("Ironbark Capital", "ironbark"),
        ("Skylark Aero", "skylark-aero"),
    )
)

FREE_MAIL = "freemail.example"  # invented; a real provider's name would be a real address

DEPARTMENTS = ("", "", "", "Sales", "Research", "Legal", "Platform Engineering", "Marketing, EMEA", "Operations")

TITLES = (
    "VP Sales",
    "Chief Technology Officer",
    "Partner",
    "Head of Procurement",
    "Senior Counsel",
    "Product Manager",
    "Professor",
    "Managing Director",
    "Editor-in-Chief",
    "Data Scientist",
    "Architect",
    "Director, Supply Chain",
    "Founder & CEO",
    "Investor Relations Manager",
    "Chief Physician",
    "Leiterin Einkauf",
    "Directrice générale",
)

PLACES = tuple(
    Place(street=street, city=city, region=region, postal_code=post, country=country, code=code, telephone=telephone)
    for street, city, region, post, country, code, telephone in (
        ("12 Harbor Way\nSuite 400", "Portmere", "CA", "94000", "United States", "us", "+1 (415) 555-01##"),
        ("900 Juniper Blvd", "Aldergate", "NY", "10000", "United States", "us", "212-555-01##"),
        ("Lindenhof 7", "Hohenlinde", "", "10100", "Germany", "de", "+49 30 23125###"),
        ("3 Tanner's Yard", "Wexcombe", "", "ZZ1 4QT", "United Kingdom", "gb", "+44 20 7946 0###"),
        ("18, rue du Corbeau", "Valmont-sur-Ys", "", "99100", "France", "fr", "+33 1 99 00 ## ##"),
    )
)

# Every shape that a note can have and that an edit must leave alone.
NOTES = (
    "",
    "Met at the harbour conference in 2019.",
    "Prefers a call to mail, and never before ten; assistant is Bo.",
    "Likes: sailing, sourdough, chess.\n\nDaughter studies in Hohenlinde.\n\nOwes me a lunch.",
    "Great host 🎉🥐 — ask about the naïve café in Zürich ☕️ and the 👩🏽‍🚀 project",
    "ok for the reference list",
    "https://paperkite.example/portfolio?id=7&view=all: look here first",
    "Introduced by Ilse at the summer school; we talked for hours about maps and why every good chart has a monster.",
    "\nA note that begins with an empty line\n  and an indented one",
    "C:\\Projects\\Atlas is her folder on the share",
    "later: send the photographs",
    '"The best negotiator I know" (Board, 2017)\nVegetarian.\n',
    "東京で会った。次回は四月。とても親切な方で、地図と海図についてたくさん教えてくれました。来年の展示会でまた会う約束をした。",
)
