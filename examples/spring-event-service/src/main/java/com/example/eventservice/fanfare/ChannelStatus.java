package com.example.eventservice.fanfare;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;

/** Where one channel stands. More words may be added: {@link #UNKNOWN} stands for those. */
public enum ChannelStatus {
    PENDING,
    IN_PROGRESS,
    RETRYING,
    WAITING,
    NEEDS_REVIEW,
    ACTION_REQUIRED,
    SUCCESS,
    FAILED,
    CANCELLED,
    @JsonEnumDefaultValue
    UNKNOWN
}
