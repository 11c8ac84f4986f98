"""Signed webhooks as the services themselves publish them.

The examples, with secret, body and signature, are those of
- Stripe: stripe/stripe-dotnet, `EventUtilityTest.cs` and `Resources/event_test_signature.json`;
- GitHub: docs.github.com, "Validating webhook deliveries", "Testing the webhook payload validation";
- Slack: api.slack.com, "Verifying requests from Slack", the step-by-step example;
- Shopify: Shopify/shopify-api-php, `tests/Webhooks/RegistryTest.php` and `BaseTestCase.php`;
- Twilio: twilio/twilio-python, `tests/unit/test_request_validator.py`.
Zendesk's page "Verifying webhook authenticity" gives the rule base64(HMAC-SHA256(TIMESTAMP + BODY)) and a static test
secret, but no signature of today's rule: the one here was made from both with `openssl dgst -sha256 -hmac`.
"""

from datetime import UTC, datetime

from domain.inbound.vendors.signatures import GITHUB, SHOPIFY, SLACK, STRIPE, TWILIO, ZENDESK, SignedRequest, Vendor

STRIPE_BODY = b"""{
  "id": "evt_123",
  "object": "event",
  "account": "acct_123",
  "api_version": "2017-05-25",
  "created": 1533204620,
  "data": {
    "object": {
      "id": "cus_123",
      "object": "customer",
      "created": 123456789,
      "email": "test@stripe.com",
      "livemode": false,
      "metadata": {}
    }
  },
  "livemode": false,
  "pending_webhooks": 1,
  "request": {
    "id": "req_123",
    "idempotency_key": "idempotency-key-123"
  },
  "type": "customer.created"
}
"""
STRIPE_V1 = b"2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7"
STRIPE_V0 = b"63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef"
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
TWILIO_BODY = b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"
TWILIO_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = {b"content-type": b"application/x-www-form-urlencoded"}


def twilio(signature: str, body: bytes = TWILIO_BODY, url: str = TWILIO_URL) -> SignedRequest:
    return SignedRequest(FORM | {b"x-twilio-signature": signature.encode()}, body, url)


EXAMPLES: dict[str, tuple[Vendor, bytes, float, SignedRequest]] = {
    "stripe": (
        STRIPE, b"webhook_secret", 1533204620,
        SignedRequest({b"stripe-signature": b"t=1533204620,v1=" + STRIPE_V1 + b",v0=" + STRIPE_V0}, STRIPE_BODY),
    ),
    "github": (
        GITHUB, b"It's a Secret to Everybody", 0,
        SignedRequest(
            {b"x-hub-signature-256": b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
            b"Hello, World!",
        ),
    ),
    "slack": (
        SLACK, b"8f742231b10e8888abcd99yyyzzz85a5", 1531420618,
        SignedRequest(
            {
                b"x-slack-signature": b"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
                b"x-slack-request-timestamp": b"1531420618",
            },
            SLACK_BODY,
        ),
    ),
    "shopify": (
        SHOPIFY, b"steffi", 0,
        SignedRequest({b"x-shopify-hmac-sha256": b"/Redz4YXHLnSmmSN8grr5/Jl/Ua3d7yX3iWbjb8R8wo="}, b'{"foo":"bar"}'),
    ),
    "zendesk": (
        ZENDESK, b"dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==",
        datetime(2021, 3, 25, 5, 9, 27, tzinfo=UTC).timestamp(),
        SignedRequest(
            {
                b"x-zendesk-webhook-signature": b"P2iKOs0eFBXbqjyUNxNnoWmoN/cSSkVqIRoRhYZhv5o=",
                b"x-zendesk-webhook-signature-timestamp": b"2021-03-25T05:09:27Z",
                b"x-zendesk-webhook-invocation-id": b"8350205582",
            },
            b'{"say": "hello"}',
        ),
    ),
    "twilio": (TWILIO, b"12345", 0, twilio("RSOYDt4T1cUTdK1PDd93/VVr8B8=")),
    "twilio, another port": (
        TWILIO, b"12345", 0, twilio("RSOYDt4T1cUTdK1PDd93/VVr8B8=", url="https://mycompany.com:1234/myapp.php?foo=1&bar=2"),
    ),
    "twilio, http and a port": (
        TWILIO, b"12345", 0, twilio("Zmvh+3yNM1Phv2jhDCwEM3q5ebU=", url="http://mycompany.com:1234/myapp.php?foo=1&bar=2"),
    ),
    "twilio, signed with the usual port": (TWILIO, b"12345", 0, twilio("kvajT1Ptam85bY51eRf/AJRuM3w=")),
    "twilio, http with the usual port": (
        TWILIO, b"12345", 0, twilio("0ZXoZLH/DfblKGATFgpif+LLRf4=", url="http://mycompany.com/myapp.php?foo=1&bar=2"),
    ),
    "twilio, a name twice": (
        TWILIO, b"12345", 0,
        twilio("IK+Dwps556ElfBT0I3Rgjkr1wJU=", b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234"),
    ),
    "twilio, JSON": (
        TWILIO, b"12345", 0,
        SignedRequest(
            {b"content-type": b"application/json", b"x-twilio-signature": b"a9nBmqA0ju/hNViExpshrM61xv4="},
            b'{"property": "value", "boolean": true}',
            TWILIO_URL,
        ),
    ),
}  # fmt: skip
