package com.example.eventservice.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.Mockito.inOrder;
import static org.mockito.Mockito.never;
import static org.mockito.Mockito.verify;

import com.example.eventservice.event.StubFanfare.Asked;
import com.example.eventservice.fanfare.DistributionStatus;
import com.example.eventservice.fanfare.Pause;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.client.TestRestTemplate;
import org.springframework.http.ResponseEntity;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import org.springframework.test.context.bean.override.mockito.MockitoBean;

/** The Event Service where fanfare is silent, busy or newer than it: what the real one can't be made to be. */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = {
            "fanfare.answer-wait=0s",
            "fanfare.read-timeout=2s", // enough for a busy machine; two tests wait for it
            "fanfare.api-key=of-the-test",
            "events.ask-every=1h",
            "spring.kafka.listener.auto-startup=false"
        })
class StubbedFanfareTest {

    private static final StubFanfare FANFARE = new StubFanfare();
    private static final UUID ID = UUID.fromString("01890a5d-ac96-774b-bcce-b302099a8057");

    @DynamicPropertySource
    static void stub(DynamicPropertyRegistry registry) {
        registry.add("fanfare.url", FANFARE::url);
    }

    @MockitoBean
    private Pause pause;

    @Autowired
    private TestRestTemplate http;

    @Autowired
    private EventDistributor distributor;

    private final String event = "evt-" + UUID.randomUUID();

    @BeforeEach
    void anApprovedEvent() {
        FANFARE.reset();
        var body = new NewEvent(event, "Spring", "https://cdn.example.com/spring.jpg", null, List.of("Instagram"), null);
        assertThat(http.postForEntity("/events", body, Event.class).getStatusCode().value()).isEqualTo(201);
    }

    @Test
    void whatTimedOutIsAskedAgainWithTheSameKeyAndBody() {
        FANFARE.silence().json(200, distribution("COMPLETED", "SUCCESS"));
        assertThat(distribute(200).state()).isEqualTo(EventState.ACTIVE);
        List<Asked> asked = FANFARE.asked();
        assertThat(asked).hasSize(2).containsOnly(asked.get(0));
        assertThat(asked.get(0).idempotencyKey()).isNotBlank();
        assertThat(asked.get(0).line()).isEqualTo("POST /api/distribution/distribute");
        assertThat(asked.get(0).prefer()).isEqualTo("wait=0");
        assertThat(asked.get(0).authorization()).isEqualTo("Bearer of-the-test");
    }

    @Test
    void itComesBackWhenItWasToldTo() throws InterruptedException {
        FANFARE.problem(503, "unavailable", "4").problem(429, "overloaded", "2").json(200, distribution("COMPLETED", "SUCCESS"));
        assertThat(distribute(200).state()).isEqualTo(EventState.ACTIVE);
        var order = inOrder(pause);
        order.verify(pause).of(Duration.ofSeconds(4));
        order.verify(pause).of(Duration.ofSeconds(2));
        assertThat(FANFARE.asked()).hasSize(3);
    }

    @Test
    void itAsksThreeTimesThenTellsItsCallerToComeBackAndTheKeyStays() {
        FANFARE.html(502).silence().problem(503, "unavailable", "3");
        ResponseEntity<JsonNode> answer = post(503);
        assertThat(answer.getHeaders().getFirst("Retry-After")).isEqualTo("3");
        assertThat(answer.getHeaders().getContentType()).hasToString("application/problem+json");
        FANFARE.json(200, distribution("COMPLETED", "SUCCESS"));
        assertThat(distribute(200).state()).isEqualTo(EventState.ACTIVE);
        assertThat(FANFARE.asked()).hasSize(4).extracting(Asked::idempotencyKey).containsOnly(FANFARE.asked().get(0).idempotencyKey());
    }

    @Test
    void aLongPauseIsPassedOnAndNotWaitedFor() throws InterruptedException {
        FANFARE.problem(429, "overloaded", "60");
        assertThat(post(503).getHeaders().getFirst("Retry-After")).isEqualTo("60");
        verify(pause, never()).of(any());
    }

    @Test
    void whatIsStillGoingOnIsSettledByAsking() {
        FANFARE.json(202, distribution("IN_PROGRESS", "RETRYING"));
        Event accepted = distribute(202);
        assertThat(accepted.state()).isEqualTo(EventState.APPROVED);
        assertThat(accepted.distributionId()).isEqualTo(ID);
        FANFARE.json(200, distribution("COMPLETED", "SUCCESS"));
        distributor.askAboutOpen();
        assertThat(FANFARE.asked().get(1).line()).isEqualTo("GET /api/distributions/" + ID);
        assertThat(show().state()).isEqualTo(EventState.ACTIVE);
    }

    @Test
    void whatIsLostOnEveryChannelMayBeTriedAnewUnderANewKey() {
        FANFARE.json(200, distribution("FAILED", "FAILED")).json(200, distribution("COMPLETED", "SUCCESS"));
        Event lost = distribute(200);
        assertThat(lost.state()).isEqualTo(EventState.APPROVED);
        assertThat(lost.distributionStatus()).isEqualTo(DistributionStatus.FAILED);
        assertThat(distribute(200).state()).isEqualTo(EventState.ACTIVE);
        assertThat(FANFARE.asked()).extracting(Asked::idempotencyKey).doesNotHaveDuplicates();
    }

    @Test
    void wordsAndFieldsOfALaterVersionDoNoHarm() {
        FANFARE.json(200, distribution("SUPER_COMPLETED", "APPLAUDED"));
        Event event = distribute(200);
        assertThat(event.state()).isEqualTo(EventState.ACTIVE);
        assertThat(event.distributionStatus()).isEqualTo(DistributionStatus.UNKNOWN);
    }

    @Test
    void whatItCannotMendIsNotAskedAgain() {
        FANFARE.problem(401, "no_key", null);
        JsonNode problem = post(502).getBody();
        assertThat(problem.path("code").asText()).isEqualTo("no_key");
        assertThat(problem.path("status").asInt()).isEqualTo(502);
        FANFARE.html(404);
        assertThat(post(502).getBody().path("detail").asText()).contains("404");
        assertThat(FANFARE.asked()).hasSize(2);
    }

    private Event distribute(int status) {
        var answer = http.postForEntity("/events/{id}/distribute", null, Event.class, event);
        assertThat(answer.getStatusCode().value()).isEqualTo(status);
        return answer.getBody();
    }

    private ResponseEntity<JsonNode> post(int status) {
        var answer = http.postForEntity("/events/{id}/distribute", null, JsonNode.class, event);
        assertThat(answer.getStatusCode().value()).isEqualTo(status);
        return answer;
    }

    private Event show() {
        return http.getForObject("/events/{id}", Event.class, event);
    }

    /** One channel; it is among the successful ones unless its status is one that we know to be none. */
    private String distribution(String status, String channelStatus) {
        String success = List.of("FAILED", "RETRYING").contains(channelStatus) ? "" : "\"Instagram\"";
        return """
                {"distributionId": "%s", "eventId": "%s", "status": "%s", "successChannels": [%s], "failedChannels": [],
                 "openChannels": [], "someLaterField": {"a": 1}, "results": [{"channel": "Instagram", "status": "%s",
                 "mode": "live", "retryAt": "2026-12-01T09:00:00+09:00", "someLaterField": true}]}"""
                .formatted(ID, event, status, success, channelStatus);
    }
}
