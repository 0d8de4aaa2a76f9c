#ifndef EXPUNGE_LEARNING_TORCH_TRAINER_H_
#define EXPUNGE_LEARNING_TORCH_TRAINER_H_

#include <memory>

#include "model/trainer.h"

namespace expunge {

// Trains with LibTorch on the CPU, in the calling thread alone. Touches no state shared between calls, torch's global
// random generator included.
std::unique_ptr<Trainer> CreateTorchTrainer();

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_TORCH_TRAINER_H_
