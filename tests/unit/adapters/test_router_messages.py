"""Messages written for these tests: their sentences stand in no grammar of the training corpus."""

import pytest

from adapters.models.offline.router import EmbeddedRouter

BILLING = (
    "The locksmith's receipt says 90 but 190 left my account",
    "hello, my nursery fees were collected although the place was closed all week",
    "Kindly explain the 4% surcharge we see for each settlement in your monthly report",
    "My season ticket was lost in the post, I never used it and want the cost returned",
    "You billed me for the ambulance ride that my cover should have paid",
    "paid my fine online and still got a letter demanding more",
    "Can I get the VAT broken out on the document you mailed us?",
    "why did the vet bill my old card",
    "I keep being debited for a magazine nobody in this house reads",
    "The storage unit rent rose without any announcement and I disagree with the amount",
    "Der Fitnessclub zieht weiter Beiträge ein, obwohl ich fristgerecht gekündigt habe",
    "Bitte stornieren Sie die Mahngebühr, ich hatte rechtzeitig überwiesen",
    "Le prélèvement de ce mois est plus élevé que prévu, pourquoi ?",
    "Necesito que me devuelvan lo que pagué por el curso cancelado",
    "O valor do boleto não bate com o contrato",
    "لماذا الفاتورة هذا الشهر ضعف الشهر الماضي؟",
)
TECHNICAL = (
    "Whenever I rotate the tablet the whole interface turns upside down and freezes",
    "the lift display panel reboots itself every hour",
    "Cannot pair the insulin pump with the mobile application since Tuesday",
    "Our warehouse scanners lost contact with the server overnight",
    "I mistyped my secret code too often and now it will not let me in",
    "printer jams on page two each time, already cleaned the rollers",
    "After upgrading to build 7.2 the plug-in throws a null pointer",
    "My smart lock app says offline although the wifi is fine",
    "audio cuts out in every call with customers",
    "the confirmation text message with the digits does not reach my phone",
    "Der Kartenleser im Laden erkennt keine Chips mehr",
    "Unsere Webseite ist seit einer Stunde nicht mehr aufrufbar",
    "Mon compte est verrouillé et le lien de récupération ne marche pas",
    "La aplicación se queda congelada al abrir el mapa",
    "Il telecomando non risponde più dopo l'aggiornamento",
    "البرنامج يتوقف عن العمل كل مرة أفتح ملف",
)
SALES = (
    "We are opening three cafés and would like an offer for coffee beans each month",
    "what's the cheapest way to get two phones on one contract with you",
    "Could someone from your team show our school how the learning platform works before we buy?",
    "I want to add my partner to the health plan, what would that cost per month?",
    "is the 75 inch television available in your Leeds shop",
    "Please let me know the conditions for opening a business account as a freelancer",
    "do you rent out party tents",
    "Looking for a bulk deal on 400 water bottles with our logo",
    "I saw your spring offer on garden furniture and would like to order",
    "can someone in Portugal subscribe to your service",
    "Was würde mich ein Glasfaseranschluss in Bremen kosten?",
    "Wir möchten Ihre Buchhaltungssoftware für acht Nutzer kaufen, bitte um ein Angebot",
    "Je cherche une assurance pour deux voitures, pouvez-vous me faire un devis ?",
    "Quisiera contratar internet para mi oficina",
    "Quanto costa il pacchetto per le famiglie?",
    "كم تكلفة الاشتراك لشركة فيها عشرين موظف؟",
)
NONE_OF_THEM = (
    "how deep is the pacific ocean",
    "which composer went deaf",
    "recommend a good crime novel",
    "can cats see in the dark",
    "do a magic trick",
    "what is the boiling point of water",
    "who painted the ceiling of the sistine chapel",
    "wake me up at seven",
    "Wie heißt der höchste Berg der Alpen?",
    "¿Quién escribió Don Quijote?",
    "hello",
    "help",
    "thanks",
    "...",
    "",
)
CASES = (
    [(text, "Billing") for text in BILLING]
    + [(text, "Technical Support") for text in TECHNICAL]
    + [(text, "Sales") for text in SALES]
)


@pytest.fixture(scope="module")
def router() -> EmbeddedRouter:
    return EmbeddedRouter.load()


def wrong(router: EmbeddedRouter, cases: list[tuple[str, str]]) -> list[tuple[str, str, str | None]]:
    routed = [(text, label, router.route(text).label) for text, label in cases]
    return [(text, label, found) for text, label, found in routed if found != label]


def test_new_messages_reach_their_queue(router: EmbeddedRouter) -> None:
    """Abstaining counts as wrong; the floor is below what was measured on the first run, so that it can be kept."""
    missed = wrong(router, CASES)
    assert len(missed) <= len(CASES) * 0.15, missed


@pytest.mark.parametrize("label", ["Billing", "Technical Support", "Sales"])
def test_no_queue_is_neglected(router: EmbeddedRouter, label: str) -> None:
    cases = [case for case in CASES if case[1] == label]
    missed = wrong(router, cases)
    assert len(missed) <= len(cases) * 0.25, missed


def test_messages_for_nobody_are_mostly_left_to_a_person(router: EmbeddedRouter) -> None:
    routed = [(text, label) for text in NONE_OF_THEM if (label := router.route(text).label) is not None]
    assert len(routed) <= len(NONE_OF_THEM) * 0.3, routed


@pytest.mark.parametrize("greeting", ["hello", "Hi!", "help", "ok", "???", "", " \n\t ", "thank you", "Hallo"])
def test_empty_and_vague_messages_are_abstained_from(router: EmbeddedRouter, greeting: str) -> None:
    assert router.route(greeting).label is None
