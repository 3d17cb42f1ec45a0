package com.example.eventservice.analytics;

import com.example.eventservice.fanfare.DistributionCompleted;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.stereotype.Component;

/** Hears what fanfare publishes, in a consumer group of its own. */
@Component
class AnalyticsListener {

    private final AnalyticsStore store;

    AnalyticsListener(AnalyticsStore store) {
        this.store = store;
    }

    @KafkaListener(topics = "${fanfare.topic}", groupId = "analytics-service")
    void completed(DistributionCompleted completed) {
        store.upsert(completed);
    }
}
