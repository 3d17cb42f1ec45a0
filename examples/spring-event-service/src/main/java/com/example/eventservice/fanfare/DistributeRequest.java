package com.example.eventservice.fanfare;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.OffsetDateTime;
import java.util.List;

/** The body of {@code POST /api/distribution/distribute}; the first three are required. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record DistributeRequest(
        String eventId,
        List<String> channels,
        ContentUrls contentUrls,
        Content content,
        OffsetDateTime scheduledAt) {

    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record ContentUrls(String imageUrl, String audioUrl) {
    }

    public record Content(String title) {
    }
}
