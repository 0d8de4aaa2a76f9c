#ifndef EXPUNGE_LEARNING_BLAS_GUARD_H_
#define EXPUNGE_LEARNING_BLAS_GUARD_H_

namespace expunge {

// Debian's libopenblas0-serial hands out its work buffers without a lock (it is built without USE_LOCKING; OpenBLAS
// issue 2126), so two threads that multiply matrices at once now and then share a buffer and get wrong products.
// Programs that link expunge_learning define the two functions that hand out and take back, with a lock around the
// library's own; the dynamic linker lets a program's definition come first. The cost is some 20 ns a product.
//
// True when that holds in this program: concurrent calls into the loaded BLAS are safe as far as this knows.
bool BlasIsGuarded();

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_BLAS_GUARD_H_
