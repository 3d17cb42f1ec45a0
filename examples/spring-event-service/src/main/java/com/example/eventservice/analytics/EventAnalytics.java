package com.example.eventservice.analytics;

import com.example.eventservice.fanfare.ChannelResult;
import com.example.eventservice.fanfare.ChannelStatus;
import com.example.eventservice.fanfare.DistributionCompleted;
import com.example.eventservice.fanfare.DistributionStatus;
import java.time.OffsetDateTime;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * What is known of an event.
 *
 * @param channels      for each channel, how many distributions stand how there
 * @param distributions the latest version of each
 */
record EventAnalytics(String eventId, Map<String, Map<ChannelStatus, Long>> channels, List<Seen> distributions) {

    record Seen(UUID distributionId, int version, DistributionStatus status, OffsetDateTime completedAt) {

        static Seen of(DistributionCompleted outcome) {
            return new Seen(outcome.distributionId(), outcome.version(), outcome.status(), outcome.completedAt());
        }
    }

    static EventAnalytics of(String eventId, List<DistributionCompleted> outcomes) {
        Map<String, Map<ChannelStatus, Long>> counts = outcomes.stream()
                .flatMap(outcome -> outcome.results().stream())
                .collect(Collectors.groupingBy(ChannelResult::channel, TreeMap::new,
                        Collectors.groupingBy(ChannelResult::status, TreeMap::new, Collectors.counting())));
        var seen = outcomes.stream().map(Seen::of).sorted(Comparator.comparing(Seen::completedAt)).toList();
        return new EventAnalytics(eventId, counts, seen);
    }
}
