# Sample a brms formula: row_model.R FORMULA ROWS.csv PRIORS.csv DRAWS.csv CHAINS DRAWS TUNE SEED
# Writes the draws of intercept, slopes, scales, shape and group effects; prints what sampling cost as JSON. CPU seconds
# are those of R itself: the compiler is another process.
arguments <- commandArgs(trailingOnly = TRUE)
suppressPackageStartupMessages(library(brms))
# Debian keeps Boost beside the compiler instead of in the package BH.
if (!nzchar(rstan::rstan_options("boost_lib"))) rstan::rstan_options(boost_lib = "/usr/include")
rows <- read.csv(arguments[2])
table <- read.csv(arguments[3], colClasses = "character")
priors <- do.call(c, unname(Map(function(prior, class, coef, group)
  set_prior(prior, class = class, coef = coef, group = group), table$prior, table$class, table$coef, table$group)))
number <- as.integer(arguments[5:8])
before <- proc.time()
fit <- brm(as.formula(arguments[1]), data = rows, family = negbinomial(), prior = priors, chains = number[1],
           iter = number[2] + number[3], warmup = number[3], cores = 1, seed = number[4], refresh = 0, silent = 2)
spent <- (proc.time() - before)[["user.self"]]
draws <- posterior::as_draws_df(fit)
wanted <- grep("^(b_|sd_|r_|shape)", names(draws), value = TRUE)
out <- as.data.frame(draws)[, wanted]
names(out) <- gsub("[^A-Za-z0-9_.]", ".", names(out))
write.csv(cbind(chain = draws$.chain, draw = draws$.iteration, out), arguments[4], row.names = FALSE)
seconds <- sum(rstan::get_elapsed_time(fit$fit))
steps <- unlist(lapply(rstan::get_sampler_params(fit$fit, inc_warmup = FALSE), function(chain) chain[, "n_leapfrog__"]))
diverging <- sum(rstan::get_num_divergent(fit$fit))
cat(sprintf('{"sampling_s": %.1f, "cpu_s": %.1f, "leapfrogs": %.1f, "divergences": %d}\n',
            seconds, spent, mean(steps), diverging))
