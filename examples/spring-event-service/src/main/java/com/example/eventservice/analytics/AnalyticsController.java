package com.example.eventservice.analytics;

import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** The Analytics Service's API. */
@RestController
class AnalyticsController {

    private final AnalyticsStore store;

    AnalyticsController(AnalyticsStore store) {
        this.store = store;
    }

    @GetMapping("/analytics/{eventId}")
    EventAnalytics show(@PathVariable String eventId) {
        var outcomes = store.ofEvent(eventId);
        if (outcomes.isEmpty()) {
            throw new ResponseStatusException(HttpStatus.NOT_FOUND, "Nothing was heard of this event.");
        }
        return EventAnalytics.of(eventId, outcomes);
    }
}
