package com.example.eventservice.fanfare;

import java.time.Duration;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;
import org.springframework.http.HttpHeaders;
import org.springframework.stereotype.Component;
import org.springframework.web.client.RestClient;
import org.springframework.web.client.RestClientException;
import org.springframework.web.client.RestClientResponseException;

/**
 * Asks fanfare. A request whose answer did not come (time-out, broken connection) or that was put off (429, 503) is asked
 * again as it was: under the same {@code Idempotency-Key} fanfare answers with the same distribution and sends nothing
 * twice.
 */
@Component
public class FanfareClient {

    /** Not now: too much to do, being restarted, or a proxy that can't reach it. */
    private static final Set<Integer> NOT_NOW = Set.of(429, 502, 503, 504);

    private final RestClient http;
    private final FanfareProperties properties;
    private final Pause pause;

    public FanfareClient(RestClient fanfareHttp, FanfareProperties properties, Pause pause) {
        this.http = fanfareHttp;
        this.properties = properties;
        this.pause = pause;
    }

    /**
     * Announces an event; the answer may say that it is still going on (HTTP 202).
     *
     * @param idempotencyKey the same for every repeat of the same request
     */
    public Distribution distribute(DistributeRequest request, UUID idempotencyKey) {
        return answer(() -> http.post()
                .uri("/api/distribution/distribute")
                .header("Idempotency-Key", idempotencyKey.toString())
                .header("Prefer", "wait=" + properties.answerWait().toSeconds())
                .body(request)
                .retrieve()
                .body(Distribution.class));
    }

    /** A distribution as it stands now. */
    public Distribution distribution(UUID id) {
        return answer(() -> http.get().uri("/api/distributions/{id}", id).retrieve().body(Distribution.class));
    }

    private <T> T answer(Supplier<T> call) {
        for (int tried = 1; ; tried++) {
            try {
                return call.get();
            } catch (RestClientResponseException refused) {
                if (!NOT_NOW.contains(refused.getStatusCode().value())) {
                    throw FanfareProblem.of(refused);
                }
                pauseOrGiveUp(tried, retryAfter(refused.getResponseHeaders()), refused);
            } catch (RestClientException unanswered) {
                pauseOrGiveUp(tried, properties.backoff(), unanswered);
            }
        }
    }

    private void pauseOrGiveUp(int tried, Duration duration, RestClientException cause) {
        if (tried >= properties.maxTries() || duration.compareTo(properties.maxPause()) > 0) {
            throw new FanfareUnavailable(duration, cause);
        }
        try {
            pause.of(duration);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new FanfareUnavailable(duration, cause);
        }
    }

    /** fanfare says it in seconds; a date, as a proxy may write it, counts as not said. */
    private Duration retryAfter(HttpHeaders headers) {
        String seconds = headers == null ? null : headers.getFirst(HttpHeaders.RETRY_AFTER);
        return seconds != null && seconds.matches("\\d{1,9}") ? Duration.ofSeconds(Long.parseLong(seconds)) : properties.backoff();
    }
}
