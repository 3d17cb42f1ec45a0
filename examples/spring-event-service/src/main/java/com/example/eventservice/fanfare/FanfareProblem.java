package com.example.eventservice.fanfare;

import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import org.springframework.web.ErrorResponseException;
import org.springframework.web.client.RestClientResponseException;

/**
 * fanfare refused the request, and asking again will not help. Our own caller gets the same problem: as 422 where the
 * event is at fault, else as 502.
 */
public class FanfareProblem extends ErrorResponseException {

    private final String code;

    private FanfareProblem(HttpStatus status, ProblemDetail problem, Throwable cause) {
        super(status, problem, cause);
        Object word = properties(problem).get("code");
        this.code = word == null ? "" : word.toString();
        problem.setStatus(status);
    }

    static FanfareProblem of(RestClientResponseException refused) {
        return new FanfareProblem(answeredAs(refused.getStatusCode()), problemOf(refused), refused);
    }

    /** The stable word for programs; empty where somebody between us and fanfare answered. */
    public String code() {
        return code;
    }

    /** With {@code already_distributed}: the distribution that holds a channel of this event. */
    public Optional<UUID> holder() {
        if (!code.equals("already_distributed")) {
            return Optional.empty();
        }
        return Optional.ofNullable(properties(getBody()).get("distributionId"))
                .map(Object::toString)
                .map(UUID::fromString);
    }

    private static HttpStatus answeredAs(HttpStatusCode status) {
        return status.isSameCodeAs(HttpStatus.UNPROCESSABLE_ENTITY) ? HttpStatus.UNPROCESSABLE_ENTITY : HttpStatus.BAD_GATEWAY;
    }

    private static ProblemDetail problemOf(RestClientResponseException refused) {
        MediaType type = refused.getResponseHeaders() == null ? null : refused.getResponseHeaders().getContentType();
        ProblemDetail problem = MediaType.APPLICATION_PROBLEM_JSON.isCompatibleWith(type)
                ? refused.getResponseBodyAs(ProblemDetail.class)
                : null;
        return problem != null
                ? problem
                : ProblemDetail.forStatusAndDetail(refused.getStatusCode(), "fanfare answered " + refused.getStatusCode());
    }

    private static Map<String, Object> properties(ProblemDetail problem) {
        return problem.getProperties() == null ? Map.of() : problem.getProperties();
    }
}
