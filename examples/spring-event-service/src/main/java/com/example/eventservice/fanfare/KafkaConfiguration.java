package com.example.eventservice.fanfare;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.listener.adapter.RecordFilterStrategy;
import org.springframework.kafka.support.converter.ByteArrayJsonMessageConverter;
import org.springframework.kafka.support.converter.RecordMessageConverter;

/**
 * How records of fanfare's topic are read: CloudEvents in binary mode, so the type is the header {@code ce_type} and the
 * value is plain JSON. Spring Boot gives both beans to every {@code @KafkaListener}.
 */
@Configuration(proxyBeanMethods = false)
class KafkaConfiguration {

    /** Leaves out what is no {@code DistributionCompleted}, before its value is looked at. */
    @Bean
    RecordFilterStrategy<Object, Object> onlyDistributionCompleted() {
        return consumed -> !isDistributionCompleted(consumed);
    }

    /** Makes the value what the listener's parameter asks for. JSON that can't be read is logged and passed over. */
    @Bean
    RecordMessageConverter json(ObjectMapper mapper) {
        return new ByteArrayJsonMessageConverter(mapper);
    }

    private static boolean isDistributionCompleted(ConsumerRecord<?, ?> consumed) {
        Header type = consumed.headers().lastHeader("ce_type");
        return type != null && DistributionCompleted.TYPE.equals(new String(type.value(), StandardCharsets.UTF_8));
    }
}
