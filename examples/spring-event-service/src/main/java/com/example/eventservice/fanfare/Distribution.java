package com.example.eventservice.fanfare;

import java.util.List;
import java.util.UUID;

/** A distribution as {@code distribute} answers it, and as {@code GET /api/distributions/{id}} shows it. */
public record Distribution(
        UUID distributionId,
        String eventId,
        DistributionStatus status,
        List<String> successChannels,
        List<String> failedChannels,
        List<String> openChannels,
        List<ChannelResult> results) implements Outcome {

    @Override
    public boolean anySuccess() {
        return !successChannels.isEmpty();
    }
}
