package com.example.eventservice.fanfare;

import java.time.OffsetDateTime;
import java.util.List;
import java.util.UUID;

/**
 * The event on {@code event-topic}: what came of a distribution when nothing moved any more. A channel's later word makes
 * the next {@code version}; consumers upsert by {@code distributionId}, and the highest version wins.
 */
public record DistributionCompleted(
        String eventId,
        List<String> channels,
        List<ChannelResult> results,
        OffsetDateTime completedAt,
        UUID distributionId,
        int version,
        DistributionStatus status) implements Outcome {

    /** The record header {@code ce_type}. */
    public static final String TYPE = "DistributionCompleted";

    @Override
    public boolean anySuccess() {
        return results.stream().anyMatch(result -> result.status() == ChannelStatus.SUCCESS);
    }
}
