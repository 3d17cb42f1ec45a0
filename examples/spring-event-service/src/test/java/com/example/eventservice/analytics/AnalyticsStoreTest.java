package com.example.eventservice.analytics;

import static org.assertj.core.api.Assertions.assertThat;

import com.example.eventservice.fanfare.ChannelStatus;
import com.example.eventservice.fanfare.DistributionCompleted;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Which version wins, and what is counted. */
class AnalyticsStoreTest {

    private static final ObjectMapper JSON = JsonMapper.builder().addModule(new JavaTimeModule()).build();

    private final AnalyticsStore store = new AnalyticsStore();
    private final UUID first = UUID.randomUUID();

    @Test
    void theHighestVersionWinsInWhateverOrderTheyCome() throws Exception {
        for (int version : new int[] {2, 1, 3, 3, 2}) {
            store.upsert(completed(first, version, version == 3 ? "FAILED" : "SUCCESS"));
        }
        EventAnalytics analytics = EventAnalytics.of("evt-1", store.ofEvent("evt-1"));
        assertThat(analytics.channels()).isEqualTo(Map.of("Instagram", Map.of(ChannelStatus.FAILED, 1L)));
        assertThat(analytics.distributions()).singleElement().satisfies(seen -> assertThat(seen.version()).isEqualTo(3));
    }

    @Test
    void distributionsOfOneEventAreCountedTogether() throws Exception {
        store.upsert(completed(first, 1, "FAILED"));
        store.upsert(completed(UUID.randomUUID(), 1, "SUCCESS"));
        EventAnalytics analytics = EventAnalytics.of("evt-1", store.ofEvent("evt-1"));
        assertThat(analytics.channels())
                .isEqualTo(Map.of("Instagram", Map.of(ChannelStatus.SUCCESS, 1L, ChannelStatus.FAILED, 1L)));
        assertThat(store.ofEvent("evt-2")).isEmpty();
    }

    private static DistributionCompleted completed(UUID id, int version, String status) throws Exception {
        String json = """
                {"eventId": "evt-1", "channels": ["Instagram"], "results": [{"channel": "Instagram", "status": "%s", "mode": "live"}],
                 "completedAt": "2026-11-22T10:00:00Z", "distributionId": "%s", "version": %d, "status": "COMPLETED"}""";
        return JSON.readValue(json.formatted(status, id, version), DistributionCompleted.class);
    }
}
