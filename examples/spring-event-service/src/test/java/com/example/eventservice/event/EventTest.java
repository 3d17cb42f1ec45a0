package com.example.eventservice.event;

import static com.example.eventservice.fanfare.DistributionStatus.CANCELLED;
import static com.example.eventservice.fanfare.DistributionStatus.COMPLETED;
import static com.example.eventservice.fanfare.DistributionStatus.FAILED;
import static com.example.eventservice.fanfare.DistributionStatus.IN_PROGRESS;
import static com.example.eventservice.fanfare.DistributionStatus.PARTIALLY_COMPLETED;
import static com.example.eventservice.fanfare.DistributionStatus.PENDING;
import static com.example.eventservice.fanfare.DistributionStatus.UNKNOWN;
import static org.assertj.core.api.Assertions.assertThat;

import com.example.eventservice.fanfare.DistributionStatus;
import com.example.eventservice.fanfare.Outcome;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What an outcome does to an event, in whatever order answers and records come. */
class EventTest {

    private static final UUID FIRST = UUID.randomUUID();
    private static final UUID SECOND = UUID.randomUUID();

    private record Said(UUID distributionId, DistributionStatus status, boolean anySuccess) implements Outcome {
    }

    private final Event approved = Event.approved(new NewEvent("evt-1", "Spring", null, null, List.of("Instagram"), null));

    @Test
    void itIsActiveOnceItIsLiveAndAtRest() {
        for (DistributionStatus status : List.of(COMPLETED, PARTIALLY_COMPLETED, UNKNOWN)) {
            assertThat(approved.answered(new Said(FIRST, status, true)).state()).isEqualTo(EventState.ACTIVE);
        }
        for (DistributionStatus status : List.of(PENDING, IN_PROGRESS)) {
            Event open = approved.answered(new Said(FIRST, status, true));
            assertThat(open.state()).isEqualTo(EventState.APPROVED);
            assertThat(open.isOpen()).isTrue();
        }
    }

    @Test
    void aLostTryEndsItsKeyAndAnOpenOneDoesNot() {
        for (DistributionStatus status : List.of(FAILED, CANCELLED)) {
            Event lost = approved.answered(new Said(FIRST, status, false));
            assertThat(lost.idempotencyKey()).isNotEqualTo(approved.idempotencyKey());
            assertThat(lost.isOpen()).isFalse();
        }
        Event open = approved.answered(new Said(FIRST, UNKNOWN, false));
        assertThat(open.idempotencyKey()).isEqualTo(approved.idempotencyKey());
        assertThat(open.isOpen()).isTrue();
    }

    @Test
    void theTopicMayBeFasterThanTheAnswer() {
        Event active = approved.heard(new Said(FIRST, COMPLETED, true));
        assertThat(active.state()).isEqualTo(EventState.ACTIVE);
        assertThat(active.answered(new Said(FIRST, IN_PROGRESS, false)).state()).isEqualTo(EventState.ACTIVE);
    }

    @Test
    void theTopicMayRepeatWhatIsOver() {
        Event second = approved.answered(new Said(FIRST, FAILED, false)).answered(new Said(SECOND, IN_PROGRESS, false));
        assertThat(second.heard(new Said(FIRST, FAILED, false))).isEqualTo(second);
        Event active = second.heard(new Said(SECOND, COMPLETED, true));
        assertThat(active.heard(new Said(FIRST, COMPLETED, true))).isEqualTo(active);
    }

    @Test
    void itStaysActiveWhateverAChannelSaysLater() {
        Event active = approved.answered(new Said(FIRST, COMPLETED, true));
        Event declined = active.heard(new Said(FIRST, FAILED, false));
        assertThat(declined.state()).isEqualTo(EventState.ACTIVE);
        assertThat(declined.distributionStatus()).isEqualTo(FAILED);
    }
}
