package com.example.eventservice;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.example.eventservice.fanfare.DistributeRequest;
import com.example.eventservice.fanfare.DistributeRequest.Content;
import com.example.eventservice.fanfare.DistributeRequest.ContentUrls;
import com.example.eventservice.fanfare.Distribution;
import com.example.eventservice.fanfare.FanfareClient;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.client.TestRestTemplate;
import org.springframework.http.ResponseEntity;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;

/**
 * Against the real fanfare (its channels in mock mode) and a real Kafka. Without them these tests fail, and say what to
 * set. Those tagged {@code relay} hear what fanfare itself publishes; the others play its part on the topic.
 */
@Tag("real-servers")
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = {
            "events.ask-every=1h", // so that it is the topic that settles an event
            "spring.kafka.consumer.properties.metadata.max.age.ms=1000",
            "spring.kafka.producer.value-serializer=org.apache.kafka.common.serialization.StringSerializer"
        })
class EndToEndTest {

    /** A consumer's first records come only after its group has formed. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final String IMAGE = "https://cdn.example.com/events/spring.jpg";

    @BeforeAll
    static void serversAreGiven() {
        for (String name : List.of("FANFARE_URL", "FANFARE_TEST_KAFKA")) {
            assertThat(given(name))
                    .as("%s: where that server is, such as FANFARE_URL=http://127.0.0.1:8080 FANFARE_TEST_KAFKA=127.0.0.1:9092. "
                            + "To leave these tests out: mvn -Pwithout-fanfare test", name)
                    .isNotBlank();
        }
    }

    @DynamicPropertySource
    static void realServers(DynamicPropertyRegistry registry) {
        registry.add("fanfare.url", () -> given("FANFARE_URL"));
        registry.add("spring.kafka.bootstrap-servers", () -> given("FANFARE_TEST_KAFKA"));
    }

    /** As a variable, or as {@code -D}. */
    private static String given(String name) {
        return System.getProperty(name, System.getenv(name));
    }

    @Autowired
    private TestRestTemplate http;

    @Autowired
    private FanfareClient fanfare;

    @Autowired
    private KafkaTemplate<String, String> kafka;

    private final String event = "evt-" + UUID.randomUUID();

    @Test
    void anEventBecomesActiveAndARepeatIsAnsweredWithTheSameDistribution() {
        create("Instagram", "NaverBlog", "KakaoChannel");
        JsonNode first = distribute(200);
        assertThat(first.path("state").asText()).isEqualTo("ACTIVE");
        assertThat(first.path("distributionStatus").asText()).isEqualTo("COMPLETED");
        JsonNode second = distribute(200);
        assertThat(second.path("distributionId")).isEqualTo(first.path("distributionId"));
    }

    @Test
    @Tag("relay")
    void analyticsHearsWhatFanfarePublishes() {
        create("Instagram", "NaverBlog", "KakaoChannel");
        String distribution = distribute(200).path("distributionId").asText();
        JsonNode analytics = analytics(distribution, 1);
        for (String channel : List.of("Instagram", "NaverBlog", "KakaoChannel")) {
            assertThat(analytics.path("channels").path(channel).path("SUCCESS").asInt()).isEqualTo(1);
        }
    }

    @Test
    @Tag("relay")
    void whatFanfarePublishesSettlesWhatItAnsweredWith202() {
        create(OffsetDateTime.now().plusSeconds(2), "Instagram");
        assertThat(distribute(202).path("state").asText()).isEqualTo("APPROVED");
        await().atMost(PATIENCE).until(() -> show().path("state").asText().equals("ACTIVE"));
    }

    @Test
    void aRecordByTheContractSettlesWhatWasAnsweredWith202() throws Exception {
        create(OffsetDateTime.now().plusHours(1), "Instagram", "KakaoChannel");
        JsonNode accepted = distribute(202);
        assertThat(accepted.path("state").asText()).isEqualTo("APPROVED");
        assertThat(accepted.path("distributionStatus").asText()).isEqualTo("PENDING");
        String distribution = accepted.path("distributionId").asText();

        publish("DistributionCompleted", completed(distribution, 1, "PARTIALLY_COMPLETED", "FAILED"));
        JsonNode analytics = analytics(distribution, 1);
        assertThat(analytics.at("/channels/Instagram/SUCCESS").asInt()).isEqualTo(1);
        assertThat(analytics.at("/channels/KakaoChannel/FAILED").asInt()).isEqualTo(1);
        await().atMost(PATIENCE).until(() -> show().path("state").asText().equals("ACTIVE"));
    }

    @Test
    void theHighestVersionWinsAndWhatIsNotForUsIsPassedOver() throws Exception {
        String distribution = UUID.randomUUID().toString();
        publish("DistributionCompleted", completed(distribution, 2, "COMPLETED", "SUCCESS"));
        publish("DistributionCompleted", completed(distribution, 1, "PARTIALLY_COMPLETED", "FAILED"));
        publish("SomethingElse", completed(distribution, 9, "FAILED", "FAILED"));
        publish("SomethingElse", "no JSON at all");
        publish("DistributionCompleted", "no JSON at all");
        String last = UUID.randomUUID().toString();
        publish("DistributionCompleted", completed(last, 1, "SUPER_COMPLETED", "APPLAUDED"));

        JsonNode analytics = analytics(last, 1);
        assertThat(versions(analytics)).isEqualTo(Map.of(distribution, 2, last, 1));
        assertThat(analytics.at("/channels/KakaoChannel").toString()).isEqualTo("{\"SUCCESS\":1,\"UNKNOWN\":1}");
    }

    @Test
    void anEventThatIsOutAlreadyTakesOverThatDistribution() {
        var other = new DistributeRequest(event, List.of("Instagram"), new ContentUrls(IMAGE, null), new Content("Another"), null);
        Distribution existing = fanfare.distribute(other, UUID.randomUUID());
        create("Instagram", "NaverBlog");
        JsonNode answer = distribute(200);
        assertThat(answer.path("state").asText()).isEqualTo("ACTIVE");
        assertThat(answer.path("distributionId").asText()).isEqualTo(existing.distributionId().toString());
    }

    @Test
    void whatFanfareCannotAcceptIsToldWithEveryFault() {
        create("Instagam", "NaverBlog");
        JsonNode problem = distribute(422);
        assertThat(problem.path("code").asText()).isEqualTo("validation_failed");
        assertThat(problem.at("/errors/0/pointer").asText()).isEqualTo("/channels/0");
        assertThat(problem.at("/errors/0/detail").asText()).contains("Instagram");
        assertThat(show().path("state").asText()).isEqualTo("APPROVED");
    }

    private void create(String... channels) {
        create(null, channels);
    }

    private void create(OffsetDateTime publishAt, String... channels) {
        Map<String, Object> body = new HashMap<>(Map.of("id", event, "title", "봄맞이 할인", "imageUrl", IMAGE, "channels", channels));
        body.put("publishAt", publishAt);
        ResponseEntity<JsonNode> created = http.postForEntity("/events", body, JsonNode.class);
        assertThat(created.getStatusCode().value()).isEqualTo(201);
        assertThat(created.getBody().path("state").asText()).isEqualTo("APPROVED");
    }

    private JsonNode distribute(int status) {
        ResponseEntity<JsonNode> answer = http.postForEntity("/events/{id}/distribute", null, JsonNode.class, event);
        assertThat(answer.getStatusCode().value()).as("%s", answer.getBody()).isEqualTo(status);
        return answer.getBody();
    }

    private JsonNode show() {
        return http.getForObject("/events/{id}", JsonNode.class, event);
    }

    /** What Analytics shows of our event, once it has heard this version. */
    private JsonNode analytics(String distribution, int version) {
        return await().atMost(PATIENCE).until(
                () -> http.getForObject("/analytics/{id}", JsonNode.class, event),
                analytics -> Integer.valueOf(version).equals(versions(analytics).get(distribution)));
    }

    private static Map<String, Integer> versions(JsonNode analytics) {
        Map<String, Integer> versions = new HashMap<>();
        analytics.path("distributions").forEach(
                seen -> versions.put(seen.path("distributionId").asText(), seen.path("version").asInt()));
        return versions;
    }

    /**
     * As fanfare does it: CloudEvents in binary mode, the event's id as the key. {@code __TypeId__} is a static header that
     * an operator may have set for another team's consumer; it does us no harm.
     */
    private void publish(String type, String value) throws Exception {
        var message = new ProducerRecord<>("event-topic", event, value);
        Map.of("ce_specversion", "1.0", "ce_type", type, "ce_id", UUID.randomUUID().toString(), "ce_source", "/fanfare",
                "content-type", "application/json", "__TypeId__", "org.example.other.Completed")
                .forEach((name, text) -> message.headers().add(name, text.getBytes(UTF_8)));
        kafka.send(message).get(30, TimeUnit.SECONDS);
    }

    private String completed(String distribution, int version, String status, String kakao) {
        return """
                {"eventId": "%s", "channels": ["Instagram", "KakaoChannel"], "results": [
                  {"channel": "Instagram", "status": "SUCCESS", "mode": "live", "channelState": "live", "postId": "17", "postUrl": "https://www.instagram.com/p/17/"},
                  {"channel": "KakaoChannel", "status": "%s", "mode": "live", "code": "rate_limited", "message": "Not now."}],
                 "completedAt": "2026-11-22T10:00:00Z", "distributionId": "%s", "version": %d, "status": "%s"}"""
                .formatted(event, kakao, distribution, version, status);
    }
}
