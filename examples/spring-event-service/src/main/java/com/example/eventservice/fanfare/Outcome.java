package com.example.eventservice.fanfare;

import java.util.UUID;

/** What an HTTP answer and a Kafka event both say of a distribution. */
public interface Outcome {

    UUID distributionId();

    DistributionStatus status();

    /** Whether at least one channel succeeded. */
    boolean anySuccess();

    /** At rest, and live somewhere. */
    default boolean isLive() {
        return anySuccess() && status() != DistributionStatus.PENDING && status() != DistributionStatus.IN_PROGRESS;
    }

    /** At rest, live nowhere, and nothing will change that by itself. */
    default boolean isLost() {
        return !anySuccess() && (status() == DistributionStatus.FAILED || status() == DistributionStatus.CANCELLED);
    }
}
