package com.example.eventservice.fanfare;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.OffsetDateTime;

/**
 * What came of one channel. Which of the fields below {@code channelState} are there depends on the channel; {@code code},
 * {@code message} and {@code retryAt} are there where it has not succeeded. {@code channel}, {@code mode} and
 * {@code channelState} are text because nothing here branches on them.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ChannelResult(
        String channel,
        ChannelStatus status,
        String mode,
        String channelState,
        String distributionId,
        Long estimatedViews,
        String updateTimestamp,
        String adId,
        String impressionSchedule,
        String postUrl,
        String postId,
        String messageId,
        String code,
        String message,
        OffsetDateTime retryAt) {
}
