//! Reads `channelOptions`: one object per channel, under the channel's wire name.
//!
//! Faults in the options of a chosen channel are laid to that channel, so that
//! `onInvalid: "skip"` can send to the rest.

use super::found::quoted;
use super::limits;
use super::reader::{Node, Object, Reader, token_of};
use crate::channel::Channel;
use crate::request::{
    ChannelOptions, GenieTvOptions, InstagramOptions, KakaoButton, KakaoChannelOptions, NaverBlogOptions,
    RingoBizOptions, Schedule, WooridongneTvOptions,
};
use crate::text::Text;
use crate::validate::code;

impl Reader<'_> {
    /// What single channels need or override; `chosen` are those of the request.
    pub(super) fn channel_options(&mut self, node: &Node<'_>, chosen: &[Channel]) -> Option<ChannelOptions> {
        let object = self.any_object(node)?;
        for name in object.names() {
            if Channel::from_name(name).is_none() {
                let pointer = format!("{}/{}", node.pointer, token_of(name));
                self.fault(&pointer, code::UNKNOWN_CHANNEL, unknown_channel(name));
            }
        }
        let mut options = ChannelOptions::default();
        for channel in Channel::ALL {
            if let Some(node) = object.get(channel.name()) {
                self.channel = chosen.contains(&channel).then_some(channel);
                self.options_of(channel, &node, &mut options);
                self.channel = None;
            }
        }
        Some(options)
    }

    fn options_of(&mut self, channel: Channel, node: &Node<'_>, options: &mut ChannelOptions) {
        match channel {
            Channel::WooridongneTV => options.wooridongne_tv = self.wooridongne_tv(node),
            Channel::RingoBiz => options.ringo_biz = self.ringo_biz(node),
            Channel::GenieTV => options.genie_tv = self.genie_tv(node),
            Channel::Instagram => options.instagram = self.instagram(node),
            Channel::NaverBlog => options.naver_blog = self.naver_blog(node),
            Channel::KakaoChannel => options.kakao_channel = self.kakao_channel(node),
        }
    }

    fn wooridongne_tv(&mut self, node: &Node<'_>) -> Option<WooridongneTvOptions> {
        let object = self.object(node, &["regions", "timeSlots", "budget"])?;
        Some(WooridongneTvOptions {
            regions: object
                .get("regions")
                .and_then(|node| self.list(&node, REGIONS, |reader, item| reader.text(item, limits::WORD)))
                .unwrap_or_default(),
            time_slots: object
                .get("timeSlots")
                .and_then(|node| self.list(&node, DAYPARTS, Self::daypart))
                .unwrap_or_default(),
            budget: self.budget(&object),
        })
    }

    fn ringo_biz(&mut self, node: &Node<'_>) -> Option<RingoBizOptions> {
        let object = self.object(node, &["phoneNumber"])?;
        Some(RingoBizOptions {
            phone_number: object
                .get("phoneNumber")
                .and_then(|node| self.text(&node, limits::WORD)),
        })
    }

    fn genie_tv(&mut self, node: &Node<'_>) -> Option<GenieTvOptions> {
        let object = self.object(node, &["region", "schedule", "budget"])?;
        Some(GenieTvOptions {
            region: object.get("region").and_then(|node| self.text(&node, limits::WORD)),
            schedule: object.get("schedule").and_then(|node| self.schedule(&node)),
            budget: self.budget(&object),
        })
    }

    fn schedule(&mut self, node: &Node<'_>) -> Option<Schedule> {
        let object = self.object(node, &["startDate", "endDate", "dayparts"])?;
        let mut date = |name, needed| {
            let Some(node) = object.get(name) else {
                self.required(&object.place_of(name), needed);
                return None;
            };
            self.date(&node)
        };
        let start_date = date("startDate", ("the first day, as YYYY-MM-DD", "첫날(YYYY-MM-DD)"));
        let end_date = date("endDate", ("the last day, as YYYY-MM-DD", "마지막 날(YYYY-MM-DD)"));
        let dayparts = match object.get("dayparts") {
            Some(node) => self.list(&node, DAYPARTS, Self::daypart),
            None => Some(Vec::new()),
        };
        // Without its times of day a schedule would mean all day, at another price.
        Some(Schedule {
            start_date: start_date?,
            end_date: end_date?,
            dayparts: dayparts?,
        })
    }

    fn instagram(&mut self, node: &Node<'_>) -> Option<InstagramOptions> {
        let object = self.object(node, &["caption", "hashtags", "imageUrls", "reel"])?;
        Some(InstagramOptions {
            caption: object.get("caption").and_then(|node| self.text(&node, limits::TEXT)),
            hashtags: object
                .get("hashtags")
                .and_then(|node| self.hashtags(&node))
                .unwrap_or_default(),
            image_urls: object
                .get("imageUrls")
                .and_then(|node| self.list(&node, PICTURES, Self::url))
                .unwrap_or_default(),
            reel: object.get("reel").and_then(|node| self.boolean(&node)),
        })
    }

    fn naver_blog(&mut self, node: &Node<'_>) -> Option<NaverBlogOptions> {
        let object = self.object(node, &["title", "content"])?;
        Some(NaverBlogOptions {
            title: object.get("title").and_then(|node| self.text(&node, limits::TITLE)),
            content: object.get("content").and_then(|node| self.text(&node, limits::TEXT)),
        })
    }

    fn kakao_channel(&mut self, node: &Node<'_>) -> Option<KakaoChannelOptions> {
        let object = self.object(node, &["message", "buttons", "recipientListRef"])?;
        Some(KakaoChannelOptions {
            message: object.get("message").and_then(|node| self.text(&node, limits::TEXT)),
            buttons: object
                .get("buttons")
                .and_then(|node| self.list(&node, BUTTONS, Self::button))
                .unwrap_or_default(),
            recipient_list_ref: object
                .get("recipientListRef")
                .and_then(|node| self.text(&node, limits::NAME)),
        })
    }

    fn button(&mut self, node: &Node<'_>) -> Option<KakaoButton> {
        let object = self.object(node, &["name", "url"])?;
        let name = match object.get("name") {
            Some(node) => self.text(&node, limits::NAME),
            None => self.missing(&object, "name", ("what stands on the button", "버튼에 표시할 문구")),
        };
        let url = match object.get("url") {
            Some(node) => self.url(&node),
            None => self.missing(&object, "url", ("where the button leads", "버튼을 눌렀을 때 열 주소")),
        };
        Some(KakaoButton { name: name?, url: url? })
    }

    fn missing(&mut self, object: &Object<'_>, name: &str, needed: (&str, &str)) -> Option<String> {
        self.required(&object.place_of(name), needed);
        None
    }

    fn budget(&mut self, object: &Object<'_>) -> Option<u64> {
        let node = object.get("budget")?;
        self.whole_number(&node)
    }
}

const REGIONS: (&str, &str) = (
    "an array of administrative codes such as [\"1168000000\"]",
    "[\"1168000000\"] 같은 행정구역 코드 배열",
);
const DAYPARTS: (&str, &str) = (
    "an array of times of day such as [\"18:00-22:00\"]",
    "[\"18:00-22:00\"] 같은 시간대 배열",
);
const PICTURES: (&str, &str) = (
    "an array of addresses such as [\"https://…/1.jpg\", \"https://…/2.jpg\"]",
    "[\"https://…/1.jpg\", \"https://…/2.jpg\"] 같은 주소 배열",
);
const BUTTONS: (&str, &str) = (
    "an array of buttons such as [{\"name\": \"자세히 보기\", \"url\": \"https://…\"}]",
    "[{\"name\": \"자세히 보기\", \"url\": \"https://…\"}] 같은 버튼 배열",
);

/// What to say about a name that is no channel's.
pub(super) fn unknown_channel(name: &str) -> Text {
    let found = quoted(name);
    let known = Channel::ALL.map(Channel::name).join(", ");
    match Channel::suggest(name) {
        Some(near) => Text::new(
            format!("There is no channel {found}; did you mean `{near}`? The channels are {known}."),
            format!("{found} 채널은 없습니다. 혹시 `{near}`인가요? 사용할 수 있는 채널: {known}"),
        ),
        None => Text::new(
            format!("There is no channel {found}; the channels are {known}."),
            format!("{found} 채널은 없습니다. 사용할 수 있는 채널: {known}"),
        ),
    }
}
