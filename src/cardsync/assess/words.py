"""Word lists, data only: what decorates a name of an organisation, what is none, and who gives anyone a mailbox."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


JOINING_WORDS = _words("the of for at in and de la le les du des der die das di do da y e und et van")
GENERIC_WORDS = _words("""
    system systems technology technologies solution solutions network networks group software service services
    international global corporation company holding holdings lab labs communications consulting partners
    cloud digital online media storage
""")
COUNTRIES = _words("""
    usa us uk deutschland germany france espana spain italia italy schweiz switzerland suisse austria osterreich
    oesterreich nederland netherlands belgium portugal brasil brazil mexico canada australia india china japan
    europe emea apac americas america
""")
NO_EMPLOYER = _words("""
    selfemployed self employed freelance freelancer independent retired unemployed student none private personal
    selbstandig selbststandig freiberufler freiberuflich rentner ruhestand privat independant retraite
    autonomo jubilado aposentado na
""")

ANYBODYS_LABELS = GENERIC_WORDS | _words("mail email corp web host hosting work office team")
"""First labels of domains that say nothing about whose they are."""

HONORIFICS = frozenset({"dr", "prof", "professor", "mr", "mrs", "ms", "herr", "frau", "phd", "md", "mba", "ing"})
"""What stands beside a name and is no part of it."""

PROFILE_HOSTS = _words("""
    linkedin.com lnkd.in xing.com twitter.com x.com facebook.com instagram.com threads.net github.com gitlab.com
    about.me linktr.ee medium.com substack.com youtube.com orcid.org researchgate.net google.com calendly.com bsky.app
    mastodon.social crunchbase.com wikipedia.org
""")
"""Registrable domains where a work URL is the person's page with somebody else."""

TENANTS = _words("""
    onmicrosoft.com amazonses.com zendesk.com freshdesk.com freshservice.com atlassian.net
""")
"""Domains under which anybody has one of his own that signs mail, and that the public list has not."""

FREE_MAIL = _words("""
    gmail.com googlemail.com outlook.com outlook.de outlook.fr outlook.es hotmail.com hotmail.co.uk hotmail.fr
    hotmail.de hotmail.it hotmail.es live.com live.co.uk live.fr live.de live.nl msn.com passport.com
    icloud.com me.com mac.com privaterelay.appleid.com
    yahoo.com yahoo.co.uk yahoo.fr yahoo.de yahoo.it yahoo.es yahoo.co.jp yahoo.co.in yahoo.com.br yahoo.ca ymail.com
    rocketmail.com aol.com aim.com proton.me protonmail.com protonmail.ch pm.me fastmail.com fastmail.fm
    hey.com duck.com zoho.com zohomail.com zohomail.eu tutanota.com tutanota.de tuta.io tuta.com tutamail.com
    mail.com email.com usa.com gmx.com hushmail.com hush.com runbox.com mailfence.com startmail.com disroot.org
    riseup.net inbox.com lycos.com excite.com rediffmail.com simplelogin.com anonaddy.com mozmail.com opayq.com

    gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de arcor.de mailbox.org posteo.de posteo.net posteo.org
    posteo.eu mail.de email.de online.de vodafone.de kabelmail.de versanet.de alice-dsl.net ewetel.net
    bluewin.ch hispeed.ch sunrise.ch aon.at chello.at a1.net

    orange.fr wanadoo.fr free.fr sfr.fr laposte.net neuf.fr bbox.fr numericable.fr club-internet.fr aliceadsl.fr
    libero.it virgilio.it tiscali.it alice.it tin.it telenet.be skynet.be proximus.be ziggo.nl kpnmail.nl planet.nl
    xs4all.nl hetnet.nl home.nl terra.es telefonica.net ono.com sapo.pt iol.pt
    telia.com bredband.net spray.se online.no broadpark.no tele2.se tdcadsl.dk mail.dk jubii.dk kolumbus.fi

    btinternet.com sky.com talktalk.net virginmedia.com ntlworld.com blueyonder.co.uk tiscali.co.uk eircom.net
    comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net juno.com
    netzero.net optonline.net roadrunner.com frontier.com rogers.com shaw.ca sympatico.ca telus.net videotron.ca
    bigpond.com bigpond.net.au optusnet.com.au iinet.net.au xtra.co.nz

    qq.com foxmail.com 163.com 126.com yeah.net sina.com sina.cn sohu.com aliyun.com 139.com 189.cn
    naver.com hanmail.net daum.net nate.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp nifty.com
    yandex.ru yandex.com ya.ru mail.ru bk.ru inbox.ru list.ru rambler.ru ukr.net i.ua
    seznam.cz email.cz centrum.cz post.cz azet.sk wp.pl o2.pl onet.pl onet.eu interia.pl op.pl gazeta.pl
    freemail.hu citromail.hu abv.bg mail.bg
    uol.com.br bol.com.br terra.com.br ig.com.br globo.com globomail.com prodigy.net.mx
    walla.co.il walla.com

    freemail.example
""")
"""Domains that give anyone a mailbox, so that an address there says nothing about an employer.

With those that the packaged lists miss (mailbox.org, hey.com ...) and the access providers whose customers use their
mailboxes privately (t-online.de, orange.fr, comcast.net ...).  Registrable domains, by country of habit.  The last is
the demo's: nobody's, as real ones would be somebody's address.
"""
