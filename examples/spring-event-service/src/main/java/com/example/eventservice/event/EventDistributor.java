package com.example.eventservice.event;

import com.example.eventservice.fanfare.DistributeRequest;
import com.example.eventservice.fanfare.DistributeRequest.Content;
import com.example.eventservice.fanfare.DistributeRequest.ContentUrls;
import com.example.eventservice.fanfare.Distribution;
import com.example.eventservice.fanfare.FanfareClient;
import com.example.eventservice.fanfare.FanfareProblem;
import com.example.eventservice.fanfare.FanfareUnavailable;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Service;

/**
 * Announces events. What is still going on when fanfare answers is settled later, by the topic ({@link EventListener})
 * or, should that be late, by asking.
 */
@Service
class EventDistributor {

    private static final Logger LOG = LoggerFactory.getLogger(EventDistributor.class);

    private final EventStore events;
    private final FanfareClient fanfare;

    EventDistributor(EventStore events, FanfareClient fanfare) {
        this.events = events;
        this.fanfare = fanfare;
    }

    Event distribute(Event event) {
        Distribution answer = answer(event);
        return events.change(event.id(), current -> current.answered(answer)).orElse(event);
    }

    @Scheduled(fixedDelayString = "${events.ask-every:30s}", initialDelayString = "${events.ask-every:30s}")
    void askAboutOpen() {
        for (Event event : events.open()) {
            try {
                Distribution answer = fanfare.distribution(event.distributionId());
                events.change(event.id(), current -> current.heard(answer));
            } catch (FanfareProblem | FanfareUnavailable failure) {
                LOG.warn("event {} stays open: {}", event.id(), failure.getBody().getDetail());
            }
        }
    }

    /** If the event is out already by another request, that distribution's state is the answer. */
    private Distribution answer(Event event) {
        try {
            return fanfare.distribute(request(event), event.idempotencyKey());
        } catch (FanfareProblem problem) {
            UUID holder = problem.holder().orElseThrow(() -> problem);
            return fanfare.distribution(holder);
        }
    }

    private static DistributeRequest request(Event event) {
        return new DistributeRequest(event.id(), event.channels(), new ContentUrls(event.imageUrl(), event.audioUrl()),
                new Content(event.title()), event.publishAt());
    }
}
