package com.example.eventservice.fanfare;

import org.springframework.boot.http.client.ClientHttpRequestFactoryBuilder;
import org.springframework.boot.http.client.ClientHttpRequestFactorySettings;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.client.RestClient;

/** The HTTP client for fanfare. The builder is Spring Boot's, so that JSON is read as {@code application.yml} says. */
@Configuration(proxyBeanMethods = false)
class FanfareConfiguration {

    @Bean
    RestClient fanfareHttp(RestClient.Builder builder, FanfareProperties properties) {
        var timeouts = ClientHttpRequestFactorySettings.defaults()
                .withConnectTimeout(properties.connectTimeout())
                .withReadTimeout(properties.readTimeout());
        builder.baseUrl(properties.url()).requestFactory(ClientHttpRequestFactoryBuilder.jdk().build(timeouts));
        if (!properties.apiKey().isBlank()) {
            builder.defaultHeaders(headers -> headers.setBearerAuth(properties.apiKey()));
        }
        return builder.build();
    }

    @Bean
    Pause pause() {
        return duration -> Thread.sleep(duration.toMillis());
    }
}
