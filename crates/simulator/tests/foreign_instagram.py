"""The simulated Instagram, used by Meta's own client (PyPI: facebook-business) and by nothing of ours.

    foreign_instagram.py BASE_URL    prints "published MEDIA_ID PERMALINK"
"""
import json
import sys
import urllib.request

from facebook_business.adobjects.igmedia import IGMedia
from facebook_business.adobjects.iguser import IGUser
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

base = sys.argv[1]
FacebookSession.GRAPH = base + "/instagram"


def api(token):
    session = FacebookSession(access_token=token, timeout=10)
    session.requests.trust_env = False  # no proxy: all of it stays on this machine
    return FacebookAdsApi(session, api_version="v26.0")


def account(token="token"):
    return IGUser("17841400000000000", api=api(token))


def media(of, fields):
    return IGMedia(of, api=api("token")).api_get(fields=fields)


def is_refused(call, code, subcode=None):
    try:
        call()
    except FacebookRequestError as error:
        said = (error.http_status(), error.api_error_code(), error.api_error_subcode(), error.api_error_type())
        assert said == (400, code, subcode, "OAuthException"), error
        assert error.api_error_message(), error
    else:
        raise AssertionError(f"not refused with {code}")


def passes(seconds):
    body = json.dumps({"advanceSeconds": seconds}).encode()
    urllib.request.urlopen(urllib.request.Request(base + "/_simulator/clock", body))


def limit():
    (limit,) = account().get_content_publishing_limit(fields=["quota_usage", "config"])
    assert limit["config"]["quota_duration"] == 86_400, limit
    assert limit["config"]["quota_total"] > 1, limit
    return limit["quota_usage"]


def create(user, **params):
    return user.create_media(params=params)


def publish(container):
    return account().create_media_publish(params={"creation_id": int(container["id"])})


assert account().api_get(fields=["id", "username"])["username"]
assert limit() == 0

caption = "여는 날 10% 할인 & more 🌸\n#빵집"
picture = base + "/media/a.jpg"
is_refused(lambda: create(account("expired"), image_url=picture, caption=caption), 190, 463)
container = create(account(), image_url=picture, caption=caption, alt_text="빵")
assert media(container["id"], ["status_code"])["status_code"] == "IN_PROGRESS"
is_refused(lambda: publish(container), 9007, 2207027)
passes(2)
assert media(container["id"], ["status_code", "status"])["status_code"] == "FINISHED"
post = publish(container)
assert post["id"] != container["id"], post
assert media(container["id"], ["status_code"])["status_code"] == "PUBLISHED"
shown = media(post["id"], ["id", "caption", "permalink", "timestamp"])
assert (shown["id"], shown["caption"]) == (post["id"], caption), shown
assert urllib.request.urlopen(shown["permalink"]).status == 200
assert [it["id"] for it in account().get_media(fields=["id", "caption"])] == [post["id"]]
assert limit() == 1
is_refused(lambda: media("18010000000000099", ["permalink"]), 100, 33)

# A carousel, whose children the client writes as a JSON array.
children = [create(account(), image_url=picture, is_carousel_item=True)["id"] for _ in range(2)]
passes(2)
both = create(account(), media_type="CAROUSEL", children=children, caption="둘")
passes(2)
publish(both)

with urllib.request.urlopen(base + "/_simulator/effects") as answer:
    effects = json.load(answer)["effects"]
assert len(effects) == 2, effects
assert (effects[0]["ourId"], effects[0]["remoteId"]) == (container["id"], post["id"]), effects
assert effects[0]["content"] == {"imageUrl": picture, "caption": caption}, effects
assert effects[1]["content"]["imageUrls"] == [picture, picture], effects
print("published", post["id"], shown["permalink"])
