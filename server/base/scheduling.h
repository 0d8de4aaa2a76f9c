#ifndef EXPUNGE_BASE_SCHEDULING_H_
#define EXPUNGE_BASE_SCHEDULING_H_

namespace expunge {

// Work in the background: below Predict and Forget for the processor.

// Puts the calling thread below normal ones for the processor: nice 19 and SCHED_BATCH, in short turns. Best effort.
void LowerThisThreadsPriority();

// Has the calling thread compute while no other thread wants the processor (SCHED_IDLE), and hardly else: whoever wakes
// up takes it at once. Among the threads of its own control group, where there are several. For good: a thread without
// privileges cannot come back. Such a thread must hold nothing that others wait for, no lock and no open file: on a
// busy machine it would hold it for long. Best effort.
void ComputeWhenNobodyElseDoes();

// Between two steps of a long computation. A thread that one of the above has put into the background sleeps for an
// instant when the last time was a millisecond ago; others go on at once. Linux gives what waits for one processor
// to another that falls idle, and only from time to time to one that computes, in the background or not: without
// pauses, a Predict waits milliseconds for its processor beside one that merely trains.
void PauseInBackground();

}  // namespace expunge

#endif  // EXPUNGE_BASE_SCHEDULING_H_
