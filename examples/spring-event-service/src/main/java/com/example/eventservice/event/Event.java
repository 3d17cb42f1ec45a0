package com.example.eventservice.event;

import com.example.eventservice.fanfare.DistributionStatus;
import com.example.eventservice.fanfare.Outcome;
import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.UUID;

/**
 * An approved event. Immutable: what is heard of it makes a new one, which {@link EventStore} puts in its place.
 *
 * @param idempotencyKey     stored before fanfare is asked, so that the same try always has the same key; a distribution
 *                           that is lost on every channel ends the try
 * @param distributionId     fanfare's name for the latest try, once it is known
 * @param distributionStatus where that stood when it was last heard of
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Event(
        String id,
        String title,
        String imageUrl,
        String audioUrl,
        List<String> channels,
        OffsetDateTime publishAt,
        EventState state,
        @JsonIgnore UUID idempotencyKey,
        UUID distributionId,
        DistributionStatus distributionStatus) {

    static Event approved(NewEvent event) {
        return new Event(event.id(), event.title(), event.imageUrl(), event.audioUrl(), List.copyOf(event.channels()),
                event.publishAt(), EventState.APPROVED, UUID.randomUUID(), null, null);
    }

    /** What fanfare answered when it was asked about this event. */
    Event answered(Outcome outcome) {
        if (outcome.isLive() || state == EventState.ACTIVE) {
            return with(EventState.ACTIVE, idempotencyKey, outcome);
        }
        return with(EventState.APPROVED, outcome.isLost() ? UUID.randomUUID() : idempotencyKey, outcome);
    }

    /** What the topic says. It may be late and may come twice: a try that is over says nothing about the present one. */
    Event heard(Outcome outcome) {
        boolean ofThisTry = outcome.distributionId().equals(distributionId);
        boolean settles = state == EventState.APPROVED && outcome.isLive();
        return ofThisTry || settles ? answered(outcome) : this;
    }

    /** Accepted by fanfare, and not yet at rest. */
    boolean isOpen() {
        return state == EventState.APPROVED
                && distributionId != null
                && distributionStatus != DistributionStatus.FAILED
                && distributionStatus != DistributionStatus.CANCELLED;
    }

    private Event with(EventState state, UUID idempotencyKey, Outcome outcome) {
        return new Event(id, title, imageUrl, audioUrl, channels, publishAt, state, idempotencyKey,
                outcome.distributionId(), outcome.status());
    }
}
