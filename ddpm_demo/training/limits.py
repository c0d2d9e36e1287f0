"""What the settings of a training run may be: words to choose from, and ranges."""

from __future__ import annotations

PREDICTION_TYPES = ("epsilon", "v_prediction")
PRECISIONS = ("auto", "no", "bf16")
BETA_SCHEDULES = ("squaredcos_cap_v2", "linear")
DISTILLING = ("consistency", "adversarial", "progressive")
OBJECTIVES = ("diffusion", *DISTILLING)
CONSISTENCY_PATHS = ("data", "teacher")
LEAPS = {"2": [0, 6], "4": [0, 4, 8, 11]}  # in a chain of 12 steps
TRAINABLE_PARTS = ("all", "norms_and_biases", "attention_and_norms")

RANGES: tuple[tuple[str, float, float], ...] = (
    ("sizes_px", 8, 1024),
    ("size_batches", 1, 65536),
    ("batch_size", 1, 65536),
    ("learning_rate", 1e-8, 0.1),
    ("gap_halving_steps", 1, 10**9),
    ("min_gap", 1e-4, 0.5),
    ("adversary_share", 0.0, 1000.0),
    ("discriminator_rate", 1e-8, 0.1),
    ("teacher_timesteps", 0.0, 10**6),
    ("adam_betas", 0.0, 0.9999),
    ("weight_decay", 0.0, 1.0),
    ("warmup_steps", 0, 10**6),
    ("decay_fraction", 0.0, 1.0),
    ("decay_start_step", 0, 10**9),
    ("snr_gamma", 0.1, 1000),
    ("log_sigma", -20.0, 20.0),
    ("clip_norm", 1e-3, 1e6),
    ("ema_decay", 0.0, 1.0),
    ("ema_power", 0.01, 10.0),
    ("seed", 0, 2**32 - 1),
    ("max_steps", 1, 10**9),
    ("max_hours", 1e-4, 10**5),
    ("num_threads", 1, 1024),
    ("checkpoint_minutes", 0.001, 10**6),
    ("checkpoint_steps", 1, 10**9),
    ("log_steps", 1, 10**6),
    ("sample_steps", 1, 10**9),
    ("sample_minutes", 0.001, 10**6),
    ("validation_minutes", 0.001, 10**6),
    ("num_samples", 1, 256),
    ("sample_num_steps", 1, 1000),
)
CHOICES: tuple[tuple[str, tuple[object, ...]], ...] = (
    ("fit", ("resize", "crop")),
    ("channels", (1, 3)),
    ("prediction_type", PREDICTION_TYPES),
    ("beta_schedule", BETA_SCHEDULES),
    ("train_parts", TRAINABLE_PARTS),
    ("objective", OBJECTIVES),
    ("consistency_path", CONSISTENCY_PATHS),
    ("mixed_precision", PRECISIONS),
    ("optimizer", ("adamw", "muon")),
    ("sharding", ("none", "full")),
    ("prior", ("object", "photo")),
)
