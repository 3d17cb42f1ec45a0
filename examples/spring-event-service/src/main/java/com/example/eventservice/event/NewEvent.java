package com.example.eventservice.event;

import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotEmpty;
import java.time.OffsetDateTime;
import java.util.List;

/**
 * The body of {@code POST /events}. What a channel accepts is fanfare's business and is not checked twice.
 *
 * @param publishAt when to announce it; absent: as soon as it is distributed
 */
record NewEvent(
        @NotBlank String id,
        @NotBlank String title,
        String imageUrl,
        String audioUrl,
        @NotEmpty List<String> channels,
        OffsetDateTime publishAt) {
}
