//! What can be wrong with the pictures, films and sounds that a request names.

use super::{Actor, Cause};

/// The channel refuses the picture, the film or the sound.
pub const MEDIA_REJECTED: Cause = Cause {
    code: "media_rejected",
    actor: Actor::Caller,
    retryable: false,
    availability: false,
    en: "The channel refused the media file, or could not fetch it. Check the file and its address, then \
         distribute it anew.",
    ko: "채널이 미디어 파일을 거부했거나 내려받지 못했습니다. 파일과 주소를 확인한 뒤 다시 배포해 주세요.",
};

/// Where the picture or the sound lies is out of reach: no word on the file itself.
pub const MEDIA_UNAVAILABLE: Cause = Cause {
    code: "media_unavailable",
    actor: Actor::Nobody,
    retryable: true,
    availability: false,
    en: "The media file's server could not be reached or is out of order. It is tried again by itself; where that \
         has ended, check the server and the file's address, then send it again.",
    ko: "미디어 파일 서버에 연결할 수 없거나 서버에 문제가 있습니다. 자동으로 다시 시도하며, 시도가 끝났다면 서버와 파일 주소를 확인한 뒤 다시 보내 \
         주세요.",
};

/// The file is not the one that another channel of the distribution was given.
pub const MEDIA_CHANGED: Cause = Cause {
    code: "media_changed",
    actor: Actor::Caller,
    retryable: true,
    availability: false,
    en: "The file at the media's address has changed since this distribution was accepted, or since another channel of it \
         was given the file. Put the file that was approved back, then send it again; or announce the new one as a \
         distribution of its own.",
    ko: "이 배포를 접수했거나 다른 채널에 보낸 뒤로 미디어 주소의 파일이 바뀌었습니다. 승인된 파일로 되돌린 뒤 다시 보내거나, 새 파일로 새로 배포해 주세요.",
};
