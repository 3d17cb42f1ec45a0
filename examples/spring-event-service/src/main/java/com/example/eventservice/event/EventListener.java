package com.example.eventservice.event;

import com.example.eventservice.fanfare.DistributionCompleted;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.stereotype.Component;

/** Settles what was still going on when fanfare answered 202. */
@Component
class EventListener {

    private final EventStore events;

    EventListener(EventStore events) {
        this.events = events;
    }

    @KafkaListener(topics = "${fanfare.topic}", groupId = "event-service")
    void completed(DistributionCompleted completed) {
        events.change(completed.eventId(), event -> event.heard(completed));
    }
}
