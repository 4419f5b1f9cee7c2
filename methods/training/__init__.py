"""Training of the codecs with networks: `bench train METHOD --data DIR`, the same for all of them.

`run` is the whole of it. `footage` finds the clips, `prepare` crops and labels them once, `sampler` draws
batches of pairs, `loop` trains, `export` writes weights, motion statistics and a card.

What a model brings is a subclass of `contract.Training` and one of `contract.Objective`, in a package of its
own, `methods/NETWORKS/training` (what lies there does not count for the codec's signature), and recipes,
`recipes/NAME.yaml` there. Its codec is a `core.method.Trainable`:

    class Fomm(NeuralCodec, Trainable):
        training_assets = (LPIPS_ALEX, FACE_LANDMARKER)      # core.shared_assets

        @classmethod
        def train(cls, task: TrainingTask, say: Callable[[str], None]) -> bool:
            from .first_order_motion.training.fomm import FommTraining
            from .training.run import train

            return train(FommTraining(), task, say)
"""
