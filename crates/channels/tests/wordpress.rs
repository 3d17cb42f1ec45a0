//! The blog's client against a real `WordPress`: what the simulator says of
//! `MetaWeblog` must be so.
//!
//! `FANFARE_TEST_WORDPRESS` names its endpoint, with user and password:
//! `http://user:password@host:port/xmlrpc.php`. `scripts/servers` starts one.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanfare_channels::api::Api;
use fanfare_channels::check::Credentials;
use fanfare_channels::client::ChannelClient;
use fanfare_channels::http::{HttpClient, HttpSettings};
use fanfare_channels::media::MediaClient;
use fanfare_channels::naver_blog::meta_weblog::{MetaWeblogClient, MetaWeblogSettings};
use fanfare_channels::secret::Secret;
use fanfare_core::attempt::{LookUpOutcome, Retry, StepOutcome, WithdrawOutcome};
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::decode::decode;
use fanfare_core::delivery::{Checkpoint, Delivery};
use fanfare_core::engine::Call;
use fanfare_core::ids::{DeliveryId, DistributionId, TenantId};
use fanfare_core::receipt::Receipt;
use fanfare_core::request::CanonicalRequest;
use fanfare_simulator::{RunningSimulator, Simulator, SimulatorSettings};
use http::Request;
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};
use serde_json::json;
use url::Url;

/// The blog's endpoint, without and with who posts.
fn endpoint() -> (Url, String, String) {
    let Ok(text) = std::env::var("FANFARE_TEST_WORDPRESS") else {
        panic!("set FANFARE_TEST_WORDPRESS to http://user:password@host:port/xmlrpc.php, or run scripts/servers");
    };
    let mut url: Url = text.parse().unwrap();
    let (user, password) = (url.username().to_owned(), url.password().unwrap().to_owned());
    url.set_username("").unwrap();
    url.set_password(None).unwrap();
    (url, user, password)
}

fn http() -> HttpClient {
    HttpClient::new(&HttpSettings::default()).unwrap()
}

/// A blog, and the server that its pictures come from.
struct Blog {
    pictures: RunningSimulator,
    url: Url,
    client: MetaWeblogClient,
    rng: StdRng,
}

impl Blog {
    async fn new(password: Option<&str>) -> Self {
        let (url, user, right) = endpoint();
        let pictures = Simulator::start(SimulatorSettings::default()).await.unwrap();
        let api = Api::new(http(), url.clone(), Secret::new(password.unwrap_or(&right)));
        let media = MediaClient::new(&[pictures.address.to_string()], Duration::from_secs(5)).unwrap();
        let settings = MetaWeblogSettings {
            second_look: Duration::ZERO,
            ..MetaWeblogSettings::new(user)
        };
        Self {
            client: MetaWeblogClient::new(api, media, settings),
            pictures,
            url,
            rng: StdRng::try_from_rng(&mut SysRng).unwrap(),
        }
    }

    fn now(&self) -> Timestamp {
        self.pictures.clock().now()
    }

    fn call(&mut self, title: &str, content: &str) -> Call {
        let body = json!({
            "eventId": "evt-1", "channels": ["NaverBlog"],
            "contentUrls": {"imageUrl": format!("{}/media/a.jpg", self.pictures.base_url())},
            "channelOptions": {"NaverBlog": {"title": title, "content": content}},
        });
        let now = self.now();
        // As the operator's own storage would be allowed.
        let decoded = decode(&body, &[self.pictures.address.to_string()], now);
        let id = DeliveryId::new(now, &mut self.rng);
        let mut delivery = Delivery::new(id, Channel::NaverBlog, Mode::Live, now);
        (delivery.attempt, delivery.attempt_started_at) = (1, Some(now));
        Call {
            files: Vec::new(),
            number: 1,
            tenant: TenantId::default(),
            distribution: DistributionId::new(now, &mut self.rng),
            request: Arc::new(CanonicalRequest::new(decoded.request.unwrap())),
            delivery,
        }
    }

    /// The step after the call's checkpoint, whose checkpoint the call then has.
    async fn advance(&self, call: &mut Call) -> Checkpoint {
        match self.client.step(call, self.now()).await {
            StepOutcome::Advanced { checkpoint, .. } => {
                call.delivery.checkpoint = Some(checkpoint.clone());
                checkpoint
            }
            other => panic!("{other:?}"),
        }
    }

    async fn look_up(&self, call: &Call) -> LookUpOutcome {
        self.client.look_up(call, self.now()).await
    }

    /// The page that people see, with `WordPress`'s own address in it made ours.
    async fn page(&self, receipt: &Receipt) -> String {
        let link = receipt.fields.post_url.clone().unwrap();
        assert!(link.starts_with(&self.url.origin().ascii_serialization()), "{link}");
        let request = Request::get(link).body(Bytes::new()).unwrap();
        let answer = HttpClient::new(&HttpSettings {
            max_answer_bytes: 4_000_000,
            ..HttpSettings::default()
        });
        let answer = answer.unwrap().send(request).await.unwrap();
        String::from_utf8_lossy(&answer.body).into_owned()
    }
}

#[tokio::test]
async fn a_post_with_its_picture_is_made_and_its_link_is_told() {
    let mut blog = Blog::new(None).await;
    let mut call = blog.call(
        "여는 날 <b>할인</b> & 빵",
        "하나\n둘\n\n<script>alert('x')</script>\n\nhttps://shop.kr/a",
    );
    let ready = blog.advance(&mut call).await;
    assert!(
        ready.0["image"].as_str().unwrap().contains("/wp-content/uploads/"),
        "{ready:?}"
    );
    let posted = blog.advance(&mut call).await;
    assert_eq!(posted.0["stage"], "posted");
    let StepOutcome::Confirmed(receipt) = blog.client.step(&call, blog.now()).await else {
        panic!("no link")
    };
    let page = blog.page(&receipt).await;
    assert!(page.contains("여는 날 &lt;b&gt;할인"), "the title is text: {page}");
    assert!(
        page.contains("하나<br />") && page.contains("<a href=\"https://shop.kr/a\""),
        "{page}"
    );
    assert!(page.contains("/wp-content/uploads/"), "the picture is shown");
    assert!(!page.contains("<script>alert"), "markup is text");
}

/// It goes into the trash, then for good; and then there is none. Nobody sees it from
/// the first on.
#[tokio::test]
async fn a_post_is_taken_down_however_often_it_is_asked() {
    let mut blog = Blog::new(None).await;
    let mut call = blog.call("내릴 글", "본문");
    blog.advance(&mut call).await;
    blog.advance(&mut call).await;
    let StepOutcome::Confirmed(receipt) = blog.client.step(&call, blog.now()).await else {
        panic!("no link")
    };
    assert!(blog.page(&receipt).await.contains("내릴 글"));
    call.delivery.receipt = Some(receipt.clone());
    call.delivery.generation += 1;
    for _ in 0..3 {
        assert_eq!(blog.client.withdraw(&call, blog.now()).await, WithdrawOutcome::Gone);
        assert!(!blog.page(&receipt).await.contains("내릴 글"));
    }
    let refused = Blog::new(Some("wrong")).await.client.withdraw(&call, blog.now()).await;
    let WithdrawOutcome::Refused {
        failure,
        retry: Retry::Never,
    } = refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(failure.code, "auth_expired");
}

/// Its id is not known where it was found again: the blog is asked for it by the link.
#[tokio::test]
async fn a_post_that_was_found_again_is_taken_down_by_its_link() {
    let mut blog = Blog::new(None).await;
    let mut call = blog.call("찾아서 내릴 글", "본문");
    let ready = blog.advance(&mut call).await;
    blog.advance(&mut call).await;
    let StepOutcome::Confirmed(receipt) = blog.client.step(&call, blog.now()).await else {
        panic!("no link")
    };
    (call.delivery.checkpoint, call.delivery.receipt) = (Some(ready), Some(receipt.clone()));
    assert_eq!(blog.client.withdraw(&call, blog.now()).await, WithdrawOutcome::Gone);
    assert!(!blog.page(&receipt).await.contains("찾아서 내릴 글"));
    // Not among the newest any more, so nothing can be said of it.
    let outcome = blog.client.withdraw(&call, blog.now()).await;
    assert!(
        matches!(
            outcome,
            WithdrawOutcome::Refused {
                retry: Retry::Never,
                ..
            }
        ),
        "{outcome:?}"
    );
}

/// The answer to `newPost` is lost: the post is found by its mark. Before it is
/// made, two looks prove that it is not there.
#[tokio::test]
async fn a_post_whose_answer_was_lost_is_found_again() {
    let mut blog = Blog::new(None).await;
    let mut call = blog.call("잃어버린 답", "본문");
    blog.advance(&mut call).await;
    // Only what is older than the attempt proves anything, and a blog that was set
    // up just now has nothing else: the attempt begins a little later.
    let begun = blog.now().checked_add(Duration::from_mins(10));
    call.delivery.attempt_started_at = Some(begun.unwrap());
    let LookUpOutcome::Pending { checkpoint, .. } = blog.look_up(&call).await else {
        panic!("one look is not enough")
    };
    call.delivery.checkpoint = Some(checkpoint);
    let LookUpOutcome::Absent { checkpoint } = blog.look_up(&call).await else {
        panic!("two looks find nothing")
    };
    call.delivery.checkpoint = checkpoint;
    let before = call.delivery.checkpoint.clone();
    blog.advance(&mut call).await;
    call.delivery.checkpoint = before;
    let found = blog.look_up(&call).await;
    let LookUpOutcome::Found(receipt) = found else {
        panic!("{found:?}")
    };
    assert!(blog.page(&receipt).await.contains("잃어버린 답"));
    call.delivery.generation += 1;
    assert!(
        matches!(blog.look_up(&call).await, LookUpOutcome::Pending { .. }),
        "another generation's is another post"
    );
}

#[tokio::test]
async fn a_wrong_password_is_a_fault_with_status_200() {
    let mut blog = Blog::new(Some("wrong")).await;
    let call = blog.call("제목", "본문");
    let outcome = blog.client.step(&call, blog.now()).await;
    let StepOutcome::Rejected {
        failure,
        retry: Retry::Never,
        ..
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(failure.code, "auth_expired");
    assert!(failure.channel_said.unwrap().contains("fault 403"));
}

#[tokio::test]
async fn credentials_are_tried_without_a_post() {
    let blog = Blog::new(None).await;
    let checked = blog.client.check(blog.now()).await;
    assert!(checked.is_good() && checked.account.is_some(), "{checked:?}");
    let refused = Blog::new(Some("wrong")).await.client.check(blog.now()).await;
    let Credentials::Refused(why) = refused.credentials else {
        panic!("{refused:?}")
    };
    assert_eq!(why.code, "auth_expired");
    assert!(why.channel_said.unwrap().contains("fault 403"));
}

/// What answers there, but is not the endpoint.
#[tokio::test]
async fn another_address_of_the_blog_is_not_taken_for_its_endpoint() {
    let mut blog = Blog::new(None).await;
    let (mut url, user, password) = endpoint();
    for path in ["/", "/wp-login.php", "/nothing-here.php"] {
        url.set_path(path);
        let api = Api::new(http(), url.clone(), Secret::new(password.clone()));
        let media = MediaClient::new(&[blog.pictures.address.to_string()], Duration::from_secs(5)).unwrap();
        let client = MetaWeblogClient::new(api, media, MetaWeblogSettings::new(user.clone()));
        let call = blog.call("제목", "본문");
        let outcome = client.step(&call, blog.now()).await;
        assert!(matches!(outcome, StepOutcome::Rejected { .. }), "{path}: {outcome:?}");
    }
}
