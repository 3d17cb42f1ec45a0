package com.example.eventservice.fanfare;

import java.time.Duration;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.web.ErrorResponseException;

/**
 * All tries are used up, or fanfare asks for a longer pause than we wait. Whether the last request arrived may be unknown:
 * asking again later with the same key is safe. Our own caller gets 503 with {@code Retry-After}.
 */
public class FanfareUnavailable extends ErrorResponseException {

    FanfareUnavailable(Duration retryAfter, Throwable cause) {
        super(HttpStatus.SERVICE_UNAVAILABLE, problem(), cause);
        getHeaders().set("Retry-After", String.valueOf(Math.max(1, retryAfter.toSeconds())));
    }

    private static ProblemDetail problem() {
        return ProblemDetail.forStatusAndDetail(HttpStatus.SERVICE_UNAVAILABLE, "fanfare gave no answer. Ask again later: nothing is sent twice.");
    }
}
