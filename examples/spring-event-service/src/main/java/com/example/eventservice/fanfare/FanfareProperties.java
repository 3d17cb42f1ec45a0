package com.example.eventservice.fanfare;

import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import java.net.URI;
import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.validation.annotation.Validated;

/**
 * How fanfare is reached.
 *
 * @param url            where it is
 * @param apiKey         sent as {@code Authorization: Bearer …} unless it is empty
 * @param topic          where it publishes {@code DistributionCompleted}
 * @param connectTimeout for the connection
 * @param answerWait     how long fanfare may wait for the channels before it answers 202; whole seconds, at most 60
 * @param readTimeout    for the answer; longer than {@code answerWait}
 * @param maxTries       of one request, the first one included
 * @param backoff        before the next try where fanfare does not say when to come back
 * @param maxPause       a longer {@code Retry-After} is passed on to the caller instead of waited for
 */
@Validated
@ConfigurationProperties("fanfare")
public record FanfareProperties(
        @NotNull URI url,
        @DefaultValue("") String apiKey,
        @NotBlank String topic,
        @DefaultValue("2s") Duration connectTimeout,
        @DefaultValue("10s") Duration answerWait,
        @DefaultValue("15s") Duration readTimeout,
        @DefaultValue("3") @Min(1) int maxTries,
        @DefaultValue("1s") Duration backoff,
        @DefaultValue("5s") Duration maxPause) {

    public FanfareProperties {
        if (readTimeout.compareTo(answerWait) <= 0) {
            throw new IllegalArgumentException("fanfare.read-timeout must be longer than fanfare.answer-wait");
        }
    }
}
