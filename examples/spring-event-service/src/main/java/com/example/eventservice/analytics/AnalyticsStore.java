package com.example.eventservice.analytics;

import com.example.eventservice.fanfare.DistributionCompleted;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.stereotype.Repository;

/**
 * The latest outcome of each distribution, in memory. In SQL it is
 * {@code INSERT … ON CONFLICT (distribution_id) DO UPDATE … WHERE excluded.version > outcomes.version}.
 */
@Repository
class AnalyticsStore {

    private final Map<UUID, DistributionCompleted> outcomes = new ConcurrentHashMap<>();

    /** Records come at least once: one that is no newer than what is known changes nothing. */
    void upsert(DistributionCompleted completed) {
        outcomes.merge(completed.distributionId(), completed, (known, heard) -> heard.version() > known.version() ? heard : known);
    }

    List<DistributionCompleted> ofEvent(String eventId) {
        return outcomes.values().stream().filter(outcome -> outcome.eventId().equals(eventId)).toList();
    }
}
